/**
 * limits.ts: every bound of the server in one table, with its unit in the name and its reason beside it. What
 * comes from outside is measured against these numbers before it costs memory or time.
 */
const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * The largest packet that the format allows: 20 MiB stored body (docs/PROTOCOL.md section 1.3) and its
 * header.
 */
export const PACKET_BYTES_MAX = 20 * MIB + 24;

export const LIMITS = {
  /**
   * Fields around the packet in a push body: array header, site, epoch, batch number, length of the packet.
   */
  pushEnvelopeBytes: 128,
  /** A registration names every table and column of a device; this holds tens of thousands of names. */
  registerBodyBytes: 4 * MIB,
  /** CREATE TABLE texts of all tables of an application. */
  schemaBodyBytes: 4 * MIB,
  /** Site, epoch, numbers and a cursor. */
  /** The claims of a user whose view an administrator asks for. */
  viewerBodyBytes: 64 * KIB,
  pullBodyBytes: 1 * MIB + 1 * KIB,
  /**
   * A body that is refused for its size is read to its end up to here, so that the client sees the refusal.
   */
  discardedBodyBytes: 64 * MIB,

  /**
   * Counts and sizes of the packet format (docs/PROTOCOL.md section 1.3), applied to names sent apart too.
   */
  tables: 4096,
  columnsPerTable: 2064,
  nameBytes: 1024,
  definitionBytes: 512 * KIB,

  /** A cursor of a principal with very many scopes has two bytes for most of them. */
  cursorBytes: 1 * MIB,
  /** A cursor that is longer than this does not come in a URL. */
  cursorBytesInUrl: 1 * KIB,
  /** Entries of the scope index that a page covers at most: what a request may cost when nothing is in them. */
  scopeEntriesPerPage: 2_000,
  /** A device's request for a page is clamped to this range. A row that is larger travels alone. */
  pageBytesMin: 4 * KIB,
  pageBytesMax: 4 * MIB,

  /** A held wait answers before common proxies and mobile networks drop a silent connection. */
  waitSecondsMin: 5,
  waitSecondsDefault: 25,
  waitSecondsMax: 55,
  /** A wait costs a socket, a timer and a map entry; this bounds them. */
  openWaits: 10_000,

  /** Streams of pokes: a browser needs one per origin, and one more while it replaces it. */
  eventStreamsPerSite: 2,
  eventStreamsPerSubject: 20,
  /** A comment in a silent stream, sooner than proxies give it up. */
  eventKeepAliveMilliseconds: 20_000,
  /** Pokes about one database come at most this often; the first one comes at once. */
  pokeMilliseconds: 50,

  /** The window in which requests are counted, and the most that may be allowed in it. */
  rateSeconds: 10,
  rateMax: 100_000_000,
  /** Pulls that wait for their turn, and for how long, before the server says "busy". */
  waitingPulls: 1_000,
  pullTurnMilliseconds: 10_000,

  /** The smallest bound for the rows of a push: a batch that was halved down to 1 KiB must be within it. */
  quotaRowsMin: 1_000,
  quotaRowsMax: 1_000_000_000,

  headerMilliseconds: 10_000,
  /** How often Node looks for requests that are over their time. */
  timeoutCheckMilliseconds: 1_000,
  /** Longer than the idle time of common load balancers, so that they close first and no request is lost. */
  keepAliveMilliseconds: 72_000,
  connections: 20_000,

  /** Worker threads that can be asked for; more than there are processors brings nothing. */
  workers: 256,
  /** Smallest value for the largest packet that a server takes; a device cannot split a row. */
  packetBytesMin: 1 * KIB,

  /**
   * Requests that wait for one worker thread, and bytes of their packets. Beyond it the server says "busy" instead of
   * collecting memory. One database gets at most this part of what is still free (store/backlog.ts), so a quarter of
   * all when it is alone.
   */
  requestsPerWorker: 4_000,
  queuedBytesPerWorker: 256 * MIB,
  partPerDatabase: 1 / 3,
  /** Open database files per worker thread; the least recently used one is closed. */
  openDatabasesPerWorker: 64,
  /** Pushes that share one commit, and so one flush to disk. */
  pushesPerCommit: 64,
  /** While one database commits, the others of its thread wait: more than this brings nothing but waiting. */
  bytesPerCommit: 4 * MIB,
  /** How long a worker waits for a lock that another program holds on a database file. */
  databaseLockMilliseconds: 2_000,
  /** A worker thread that died while it started is started again after this pause. */
  workerRestartMilliseconds: 500,

  /** How far stamps of a device whose principal is restricted may be ahead of this machine. */
  clockAheadMilliseconds: 300_000,
  /** How much a packet of such a device may raise a causal length. */
  causalLengthStep: 65_536,
  /** How often the denied rows of a packet are judged again, because others of it were accepted. */
  judgeRounds: 64,

  /** An administrator's question counts rows, and shows parts of lists, up to here: devices wait meanwhile. */
  inspectedRows: 100_000,
  inspectedTables: 200,
  inspectedChanges: 10_000,
  inspectedPart: 200,
  inspectedScopes: 100,
  inspectedKeys: 100,
  /** The key of a row as text, for people. */
  keyCharacters: 200,
  /** Subjects whose tokens were revoked, the newest first. */
  inspectedRevocations: 1_000,

  /** Devices per open database of which is kept in memory what they were given last. */
  notedDevices: 10_000,

  /** Refused writes that are kept per database, and how many of one batch: one device does not push out the others. */
  refusals: 10_000,
  refusalsPerBatch: 1_000,
  refusalCharacters: 1_000,

  /** On SIGTERM, requests in progress get this long before their connections are cut. */
  drainMilliseconds: 10_000,
  /** `last_used` of a key is written at most this often. */
  keyUseMilliseconds: 60_000,
} as const;

/** What a database may be called: it is part of a URL and of a file name. */
export const DATABASE_NAME = /^[a-z0-9_-]{1,64}$/;
