/** x */
import { test } from 'vitest';
import { drawPlan } from './plan.js';
import { playSeed } from './play.js';
test('x', async () => {
  const seed = Number(process.env.SEED ?? 1), count = Number(process.env.COUNT ?? 1);
  const { Session } = await import('node:inspector/promises');
  const session = new Session(); session.connect();
  if (process.env.PROF) { for (let s = 5000; s < 5030; s++) await playSeed(s); await session.post('Profiler.enable'); await session.post('Profiler.setSamplingInterval', { interval: 200 }); await session.post('Profiler.start'); }
  const t0 = process.cpuUsage().user/1000 + process.cpuUsage().system/1000;
  const broken: Record<string, number[]> = {};
  const total: Record<string, number> = {};
  let out = '';
  for (let s = seed; s < seed + count; s++) {
    const o = await playSeed(s, count === 1);
    for (const [k, v] of Object.entries(o.counts)) total[k] = (total[k] ?? 0) + v;
    total['tx'] = (total['tx'] ?? 0) + o.transactions;
    if (count === 1) out += o.trace.join('\n') + '\n' + JSON.stringify(drawPlan(s)) + '\n';
    if (o.broken) { (broken[o.broken.promise] ??= []).push(s); if (broken[o.broken.promise].length < 4) out += `seed ${s}: ${o.broken.message.slice(0, 1500)}\n`; }
  }
  const t1 = process.cpuUsage().user/1000 + process.cpuUsage().system/1000;
  if (process.env.PROF) { const { profile } = await session.post('Profiler.stop'); (await import('node:fs')).writeFileSync('/tmp/prof.json', JSON.stringify(profile)); }
  out += JSON.stringify(total) + '\n' + JSON.stringify(broken) + `\n${((t1 - t0) / count).toFixed(1)} ms CPU per seed\n`;
  process.stdout.write(out);
}, 600000);
