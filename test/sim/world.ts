/**
 * world.ts: a stage on which all devices are everybody's: what each of them wrote goes to the truth (truth.ts), files
 * are copied and set back, tables get columns.
 */
import type { SimulatedDevice } from './device.js';
import type { Files } from './files.js';
import type { Plan } from './plan.js';
import { type SimulatedTable, schemaNamed } from './schema.js';
import { Stage } from './stage.js';
import type { Step } from './steps.js';
import { type Content, Truth } from './truth.js';

const DEVICES_MAX = 8;

export class World extends Stage {
  readonly plan: Plan;
  readonly truth = new Truth();
  declare readonly tables: readonly SimulatedTable[];
  /** Columns that some device has added, with the table. */
  readonly added = new Set<string>();
  /** Who a device counts as, until it is set back. */
  readonly #lineages = new Map<SimulatedDevice, string>();
  readonly #backups = new Map<SimulatedDevice, Files>();
  #lineageCount = 0;

  constructor(plan: Plan, options: { trace?: boolean } = {}) {
    super(plan, schemaNamed(plan.schema).tables, options.trace === true);
    this.plan = plan;
    for (let index = 0; index < plan.devices; index++) this.addDevice();
  }

  override addDevice(files?: Files): SimulatedDevice {
    const device = super.addDevice(files);
    this.#newLineage(device);
    return device;
  }

  #newLineage(device: SimulatedDevice): void {
    this.#lineages.set(device, `${device.name}.${this.#lineageCount++}`);
  }

  #lineage(device: SimulatedDevice): string {
    return this.#lineages.get(device) ?? device.name;
  }

  protected committed(device: SimulatedDevice, before: Content, after: Content): void {
    this.truth.committed(this.#lineage(device), device.time, before, after);
  }

  protected attempted(_device: SimulatedDevice, after: Content): void {
    this.truth.attempted(after);
  }

  protected lostCommits(device: SimulatedDevice): void {
    this.truth.lost(this.#lineage(device));
    this.#newLineage(device);
  }

  async play(step: Step): Promise<void> {
    this.pass(step.passes);
    switch (step.do) {
      case 'backup': {
        const device = this.pick(step.device);
        this.#backups.set(device, device.backup());
        return this.note(device.name, 'backup');
      }
      case 'restore':
        return this.#restore(this.pick(step.device), step.alive);
      case 'alter':
        return this.#alter(this.pick(step.device), step.column);
      default:
        return this.playCommon(step);
    }
  }

  #restore(device: SimulatedDevice, alive: boolean): void {
    const files = this.#backups.get(device) ?? (alive ? device.backup() : undefined);
    if (files === undefined) {
      this.#backups.set(device, device.backup());
      this.note(device.name, 'backup');
      return;
    }
    if (alive && this.devices.length >= DEVICES_MAX) return;
    this.count(alive ? 'deviceCopied' : 'deviceRestored');
    if (alive) {
      const copy = this.addDevice(files);
      this.truth.copied(this.#lineage(device), this.#lineage(copy));
      this.note(copy.name, `copy of ${device.name}`);
      return;
    }
    this.note(device.name, 'restored');
    this.network.forget(device);
    this.lostCommits(device);
    device.restore(files);
  }

  #alter(device: SimulatedDevice, column: string): void {
    const table = this.tables[0];
    if (table === undefined) return;
    this.added.add(column);
    this.addColumn(device, column);
  }

  /** Adds a column to a device's first table, as a new version of the application would. */
  addColumn(device: SimulatedDevice, column: string): void {
    const table = this.tables[0]?.name ?? '';
    const columns = device.writer.pragma(`table_info(${table})`) as { name: string }[];
    if (columns.some(({ name }) => name === column)) return;
    device.setClock();
    this.count('schemaChange');
    this.note(device.name, `adds ${column}`);
    device.writer.exec(`ALTER TABLE ${table} ADD COLUMN ${column}`);
  }

  /** Applications have the same version from now on. */
  protected override healed(device: SimulatedDevice): void {
    for (const column of this.added) this.addColumn(device, column);
  }
}
