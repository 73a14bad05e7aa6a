/*
 * call.c: the guard around every entry into the core, and what a trap is turned into; call.h has the contract.
 *
 * setjmp and longjmp stay inside one guarded call: between the guard and a trap there is only translated code,
 * never SQLite's, because an import that runs SQL and is called back enters the core again through a guard of
 * its own.
 */
#include "call.h"

typedef enum { START, COUNT, DESCRIBE, CALL, ALLOCATE, NEXT, ANSWER } operation;

/** One entry into the core. The numbers go in as the export takes them; `result` is what it returned. */
typedef struct {
  operation operation;
  uint32_t numbers[5];
  uint32_t result;
} request;

static void perform(connection *connection, request *request) {
  w2c_core *core = &connection->core;
  const uint32_t *number = request->numbers;
  switch (request->operation) {
    case START:
      wasm2c_core_instantiate(core, &connection->host);
      break;
    case COUNT:
      request->result = w2c_core_function_count(core);
      break;
    case DESCRIBE:
      request->result = w2c_core_function_describe(core, number[0]);
      break;
    case CALL:
      request->result = w2c_core_call(core, number[0], number[1], number[2]);
      break;
    case ALLOCATE:
      request->result = w2c_core_core_allocate(core, number[0]);
      break;
    case NEXT:
      request->result = w2c_core_session_next(core);
      break;
    case ANSWER:
      w2c_core_session_answer(core, number[0], number[1], number[2], number[3], number[4]);
      break;
  }
}

static const char *trap_name(int code) {
  switch (code) {
    case WASM_RT_TRAP_OOB:
      return "access outside the core's memory";
    case WASM_RT_TRAP_INT_OVERFLOW:
      return "integer overflow";
    case WASM_RT_TRAP_DIV_BY_ZERO:
      return "division by zero";
    case WASM_RT_TRAP_INVALID_CONVERSION:
      return "invalid conversion to an integer";
    case WASM_RT_TRAP_CALL_INDIRECT:
      return "invalid indirect call";
    case WASM_RT_TRAP_EXHAUSTION:
      return "calls nested too deeply";
    default:
      return "assertion failed";
  }
}

/** Copies the name of the file where an assertion failed: a UTF-16 string, of which only ASCII is kept. */
static void abort_file_name(connection *connection, char *name, size_t capacity) {
  const wasm_rt_memory_t *memory = &connection->core.w2c_memory;
  uint64_t start = *w2c_core_abort_file(&connection->core);
  uint32_t bytes = 0;
  if (start >= sizeof(bytes) && start <= memory->size) {
    memcpy(&bytes, memory->data + start - sizeof(bytes), sizeof(bytes));
  }
  size_t length = 0;
  for (uint64_t at = start; length + 1 < capacity && length < bytes / 2 && at + 1 < memory->size; at += 2) {
    uint8_t low = memory->data[at];
    name[length++] = (char)(low >= 0x20 && low < 0x7f && memory->data[at + 1] == 0 ? low : '?');
  }
  name[length] = '\0';
}

static void report_trap(connection *connection, int code) {
  if (code == WASM_RT_TRAP_MEMORY || *w2c_core_abort_reason(&connection->core) == 1) {
    connection_fail(connection, FAILURE_MEMORY, NULL);
    return;
  }
  uint32_t line = *w2c_core_abort_line(&connection->core);
  if (code != WASM_RT_TRAP_UNREACHABLE || line == 0) {
    connection_fail(connection, FAILURE_DEFECT, trap_name(code));
    return;
  }
  char file[128];
  abort_file_name(connection, file, sizeof(file));
  char text[FAILURE_TEXT_SIZE];
  sqlite3_snprintf(sizeof(text), text, "%s at %s:%u:%u", trap_name(code), file, line,
                   *w2c_core_abort_column(&connection->core));
  connection_fail(connection, FAILURE_DEFECT, text);
}

/** Performs one request. False when it trapped, or when the call had failed before. */
static bool guarded(connection *connection, request *request) {
  if (connection->failure != FAILURE_NONE) return false;
  jmp_buf target;
  jmp_buf *outer_target = wasm_rt_trap_target;
  uint32_t depth = connection->host.call_depth;
  wasm_rt_trap_target = &target;
  int trap = WASM_RT_SETJMP(target);
  if (trap == 0) perform(connection, request);
  wasm_rt_trap_target = outer_target;
  connection->host.call_depth = depth;
  if (trap != 0) report_trap(connection, trap);
  return connection->failure == FAILURE_NONE;
}

bool core_start(connection *connection) {
  if (connection->has_core) return true;
  memset(&connection->core, 0, sizeof(connection->core));
  connection->has_core = true;
  return guarded(connection, &(request){.operation = START});
}

void core_discard(connection *connection) {
  if (!connection->has_core) return;
  wasm2c_core_free(&connection->core);
  connection->has_core = false;
}

bool core_function_count(connection *connection, int *count) {
  request request = {.operation = COUNT};
  if (!guarded(connection, &request)) return false;
  *count = (int)request.result;
  return true;
}

/** Copies a structure that the core has left at `pointer`. */
static bool read_structure(connection *connection, uint32_t pointer, void *target, uint32_t size) {
  uint8_t *source = connection_memory(connection, pointer, size);
  if (source == NULL) return false;
  memcpy(target, source, size);
  return true;
}

bool core_function_describe(connection *connection, int index, function_description *description) {
  request request = {.operation = DESCRIBE, .numbers = {(uint32_t)index}};
  return guarded(connection, &request) &&
         read_structure(connection, request.result, description, sizeof(*description));
}

bool core_call(connection *connection, int index, int argument_count, bool nested, bool *drive) {
  request request = {.operation = CALL, .numbers = {(uint32_t)index, (uint32_t)argument_count, nested}};
  if (!guarded(connection, &request)) return false;
  *drive = request.result == 1;
  return true;
}

bool core_session_next(connection *connection, session_action *action) {
  request request = {.operation = NEXT};
  return guarded(connection, &request) && read_structure(connection, request.result, action, sizeof(*action));
}

bool core_session_answer(connection *connection, int status, int retry_after_seconds, bool is_msgpack,
                         const uint8_t *body, uint32_t size) {
  request allocation = {.operation = ALLOCATE, .numbers = {size}};
  if (size > 0) {
    if (!guarded(connection, &allocation)) return false;
    if (allocation.result == 0) {
      connection_fail(connection, FAILURE_MEMORY, NULL);
      return false;
    }
    uint8_t *target = connection_memory(connection, allocation.result, size);
    if (target == NULL) return false;
    memcpy(target, body, size);
  }
  request answer = {.operation = ANSWER,
                    .numbers = {(uint32_t)status, (uint32_t)retry_after_seconds, is_msgpack,
                                allocation.result, size}};
  return guarded(connection, &answer);
}
