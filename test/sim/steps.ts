/**
 * steps.ts: a history as data: what happens, in order. Every step says everything that it draws, and one that cannot
 * be done when its turn comes does nothing; so any part of a history is a history, which is what the shrinker needs.
 */

/** Interrupts what the step does at its nth call of the disk. */
export interface Interruption {
  nth: number;
  /** A kind of fault of test/simulated/disk_fault.c, or how everything ends: the process, or the power. */
  kind: string;
  seed: number;
}

/** What the network does with a request or its answer. */
export interface Fate {
  kind:
    | 'requestLost'
    | 'answerLost'
    | 'deliveredTwice'
    | 'deliveredLate'
    | 'oldAnswer'
    | 'truncated'
    | 'corruptedRequest'
    | 'corruptedAnswer'
    | 'errorStatus';
  seed: number;
}

export interface Common {
  /** Microseconds that pass before the step. */
  passes: number;
}

/**
 * Steps that histories of every kind have. `device` is a number that is taken modulo the number of devices, or of those
 * that can do the step.
 */
export type CommonStep = Common &
  (
    | { do: 'write'; device: number; statements: string[]; undo: boolean; interruption?: Interruption }
    | { do: 'sync'; device: number; call: string }
    /** Lets a session that waits go on; when none does, begins one. */
    | {
        do: 'go';
        device: number;
        fate?: Fate;
        interruption?: Interruption;
        serverInterruption?: Interruption;
      }
    /** Delivers a request that was held up, whose sender has given up. */
    | { do: 'late'; which: number }
    | { do: 'end'; device: number; power?: number }
    | { do: 'serverEnd'; power?: number; steps: number }
    | { do: 'partition'; devices: number[]; way: 'there' | 'back' | 'both'; steps: number }
    | { do: 'clock'; device: number; jump: number; drift: number }
    | { do: 'serverBackup' }
    | { do: 'serverRestore' }
  );

export type Step =
  | CommonStep
  | (Common &
      (
        | { do: 'backup'; device: number }
        | { do: 'restore'; device: number; alive: boolean }
        | { do: 'alter'; device: number; column: string }
      ));

export interface History {
  seed: number;
  steps: Step[];
}
