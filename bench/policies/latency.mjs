/**
 * latency.mjs: how long a change takes from one device to another: both have the extension, one writes and
 * synchronises, the other one waits inside cloudsync_network_sync(wait_ms). Measured from before the UPDATE to the
 * moment when the other one has the row in its table.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { median, quantile } from '../statistics.mjs';
import { ADD_TASK } from './application.mjs';
import { KINDS_OF_PROJECT, openProject } from './project.mjs';

/** People pause between changes; so the other device waits when the next one comes. */
const PAUSE_MILLISECONDS = 100;

const TITLE = "SELECT title FROM tasks WHERE id = 'the task'";

async function measureKind(stage, kind, changes) {
  const { database } = await openProject(stage, `latency-${kind.key}`, kind, ['the writer', 'the reader']);
  const writer = await stage.device(`writer-${kind.key}`, database, 'the writer');
  const reader = await stage.device(`reader-${kind.key}`, database, 'the reader');
  await writer.run(ADD_TASK, 'the task', 'the project', 'the writer', 'new');
  await writer.run('SELECT cloudsync_network_sync()');
  await reader.syncUntil(TITLE, 'new');
  const change = async (title) => {
    await pause(PAUSE_MILLISECONDS);
    const { start } = await writer.run("UPDATE tasks SET title = ? WHERE id = 'the task'", title);
    await writer.run('SELECT cloudsync_network_sync()');
    return start;
  };
  const times = [];
  for (let i = 0; i < changes; i++) {
    const arrival = reader.syncUntil(TITLE, `change ${i}`);
    const [start, { end }] = await Promise.all([change(`change ${i}`), arrival]);
    times.push(end - start);
  }
  return times;
}

export async function measureLatency({ stage, options, figures }) {
  for (const kind of KINDS_OF_PROJECT) {
    const times = await measureKind(stage, kind, options.changes);
    const text =
      `${median(times).toFixed(1).padStart(7)} ms median, ${quantile(times, 0.95).toFixed(1)} ms at 95 % ` +
      `of ${times.length} changes`;
    figures.add(`latency-${kind.key}`, `change to device, ${kind.name}`, text);
  }
}
