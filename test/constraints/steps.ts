/** The steps of a random history. */

/** Replicas and payloads are numbers that wrap around. */
export type Step =
  /** Statements in one transaction. */
  | { step: 'edit'; at: number; statements: string[] }
  /** The application settles the first held row of a table, when there is one. */
  | { step: 'resolve'; at: number; table: string; column: string; value: string }
  /** Folds and reads what is there. */
  | { step: 'read'; at: number }
  /** Makes a payload, for later. `position` counts the sender's earlier reads; 0 = everything. */
  | { step: 'pack'; from: number; position: number }
  /** Makes a payload and delivers it; `shuffle`: row by row, in an order that this seed gives. */
  | { step: 'send'; from: number; to: number; position: number; shuffle: number | undefined }
  /** Delivers a payload that was made before, perhaps not for the first time. */
  | { step: 'deliver'; payload: number; to: number; shuffle: number | undefined }
  /** Everything to everybody. */
  | { step: 'share'; from: number };
