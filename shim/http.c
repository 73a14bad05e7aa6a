/*
 * http.c: HTTP through libcurl; http.h has the contract. Proxies are taken from the environment, as libcurl does.
 */
#include "http.h"

#include "curl.h"
#include "platform.h"

enum { CONNECT_TIMEOUT_MILLISECONDS = 10000 };

/** The network connection of one database connection: one libcurl handle, whose sockets are used again. */
struct http_client {
  const curl_functions *curl;
  CURL *handle;
};

/** What libcurl's callbacks work on during one exchange. */
typedef struct {
  connection *connection;
  http_response *response;
  uint32_t response_max;
  uint64_t capacity;
  bool is_too_large;
  /** The empty line came that ends the header. */
  bool has_header;
} exchange;

/** Makes the response say in words why there is no answer. */
static void fail(connection *connection, http_response *response, char *text) {
  http_response_free(response);
  response->status = 0;
  response->retry_after_seconds = -1;
  response->is_msgpack = false;
  if (text == NULL) {
    connection_fail(connection, FAILURE_MEMORY, NULL);
    return;
  }
  response->body = (uint8_t *)text;
  response->body_size = (uint32_t)strlen(text);
}

/** libcurl's write callback: collects the body. Fewer bytes taken than given ends the transfer. */
static size_t collect(char *data, size_t one, size_t size, void *context) {
  (void)one;
  exchange *exchange = context;
  http_response *response = exchange->response;
  uint64_t needed = (uint64_t)response->body_size + size;
  if (needed > exchange->response_max) {
    exchange->is_too_large = true;
    return 0;
  }
  if (needed > exchange->capacity) {
    uint64_t capacity = exchange->capacity * 2 > needed ? exchange->capacity * 2 : needed;
    uint8_t *larger = sqlite3_realloc64(response->body, capacity);
    if (larger == NULL) {
      connection_fail(exchange->connection, FAILURE_MEMORY, NULL);
      return 0;
    }
    response->body = larger;
    exchange->capacity = capacity;
  }
  memcpy(response->body + response->body_size, data, size);
  response->body_size = (uint32_t)needed;
  return size;
}

/**
 * libcurl's header callback: one line each time. A connection that ends within the header is no failure to libcurl,
 * which then gives the status with no body, as if the server had said so.
 */
static size_t read_header(char *line, size_t one, size_t size, void *context) {
  (void)one;
  exchange *exchange = context;
  if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) exchange->has_header = false;
  if (size <= 2 && (line[0] == '\r' || line[0] == '\n')) exchange->has_header = true;
  return size;
}

/** libcurl's progress callback, called about once a second while it waits: not 0 ends the transfer. */
static int progress(void *context, int64_t total_in, int64_t in, int64_t total_out, int64_t out) {
  (void)total_in, (void)in, (void)total_out, (void)out;
  exchange *exchange = context;
  return connection_interrupted(exchange->connection);
}

/** Appends a header line to libcurl's list; false when memory is short. */
static bool append(const curl_functions *curl, struct curl_slist **list, char *line) {
  struct curl_slist *longer = line == NULL ? NULL : curl->slist_append(*list, line);
  sqlite3_free(line);
  if (longer == NULL) return false;
  *list = longer;
  return true;
}

/** Makes libcurl's list of header lines out of the core's text and the credential; false: memory is short. */
static bool make_headers(connection *connection, const curl_functions *curl, const http_request *request,
                         struct curl_slist **list) {
  /* libcurl would ask permission before it sends a body, which costs a round trip. */
  if (!append(curl, list, sqlite3_mprintf("Expect:"))) return false;
  const char *at = (const char *)request->headers;
  const char *end = at + request->headers_size;
  while (at < end) {
    const char *stop = memchr(at, '\r', (size_t)(end - at));
    if (stop == NULL) stop = end;
    if (!append(curl, list, sqlite3_mprintf("%.*s", (int)(stop - at), at))) return false;
    at = end - stop < 2 ? end : stop + 2;
  }
  if (connection->secret == NULL) return true;
  return append(curl, list,
                sqlite3_mprintf("Authorization: Bearer %.*s", (int)connection->secret_size, connection->secret));
}

/** A credential with a line break or another control character would forge headers. */
static bool secret_is_clean(const connection *connection) {
  for (uint32_t at = 0; at < connection->secret_size; at++) {
    unsigned char character = (unsigned char)connection->secret[at];
    if (character < 0x20 || character == 0x7f) return false;
  }
  return true;
}

static void set_options(struct http_client *client, exchange *exchange, const http_request *request,
                        const char *url, struct curl_slist *headers, char *error_text) {
  int (*set)(CURL *, int, ...) = client->curl->easy_setopt;
  CURL *handle = client->handle;
  set(handle, CURLOPT_URL, url);
  set(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
  set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  /* No signals in somebody else's process. */
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MILLISECONDS);
  set(handle, CURLOPT_TIMEOUT_MS, (long)request->timeout_milliseconds);
  set(handle, CURLOPT_ERRORBUFFER, error_text);
  set(handle, CURLOPT_USERAGENT, "cloudsync");
  set(handle, CURLOPT_HTTPHEADER, headers);
  set(handle, CURLOPT_WRITEFUNCTION, collect);
  set(handle, CURLOPT_WRITEDATA, exchange);
  set(handle, CURLOPT_HEADERFUNCTION, read_header);
  set(handle, CURLOPT_HEADERDATA, exchange);
  set(handle, CURLOPT_NOPROGRESS, 0L);
  set(handle, CURLOPT_XFERINFOFUNCTION, progress);
  set(handle, CURLOPT_XFERINFODATA, exchange);
  if (request->is_post) {
    set(handle, CURLOPT_POST, 1L);
    set(handle, CURLOPT_POSTFIELDS, request->body);
    set(handle, CURLOPT_POSTFIELDSIZE_LARGE, (int64_t)request->body_size);
  } else {
    set(handle, CURLOPT_HTTPGET, 1L);
  }
}

/** Is it the protocol's own content type, with or without parameters? */
static bool is_protocol_type(const char *content_type) {
  static const char expected[] = "application/vnd.cloudsync+msgpack";
  if (content_type == NULL || sqlite3_strnicmp(content_type, expected, sizeof(expected) - 1) != 0) return false;
  char next = content_type[sizeof(expected) - 1];
  return next == '\0' || next == ';' || next == ' ';
}

/** Does an answer name another request than this one? The first header line has the type that this one accepts. */
static bool is_to_another(const http_request *request, const char *content_type) {
  static const size_t accept = sizeof("Accept: ") - 1;
  if (content_type == NULL || strstr(content_type, ";request=") == NULL) return false;
  size_t size = strlen(content_type);
  return request->headers_size <= accept + size || request->headers[accept + size] != '\r' ||
         memcmp(request->headers + accept, content_type, size) != 0;
}

/** False when the answer belongs to another request. */
static bool read_facts(struct http_client *client, const http_request *request, http_response *response) {
  long status = 0;
  int64_t retry_after = 0;
  const char *content_type = NULL;
  client->curl->easy_getinfo(client->handle, CURLINFO_RESPONSE_CODE, &status);
  client->curl->easy_getinfo(client->handle, CURLINFO_CONTENT_TYPE, &content_type);
  /* Unknown to libcurl before 7.66: then it stays 0, which libcurl also uses for "no such header". */
  client->curl->easy_getinfo(client->handle, CURLINFO_RETRY_AFTER, &retry_after);
  response->status = (int)status;
  response->is_msgpack = is_protocol_type(content_type);
  response->retry_after_seconds = retry_after <= 0 || retry_after > INT32_MAX ? -1 : (int)retry_after;
  return !is_to_another(request, content_type);
}

static void perform(struct http_client *client, connection *connection, const http_request *request,
                    const char *url, http_response *response) {
  exchange exchange = {connection, response, request->response_max, 0, false, false};
  char error_text[CURL_ERROR_SIZE] = "";
  struct curl_slist *headers = NULL;
  if (!make_headers(connection, client->curl, request, &headers)) {
    client->curl->slist_free_all(headers);
    connection_fail(connection, FAILURE_MEMORY, NULL);
    return;
  }
  set_options(client, &exchange, request, url, headers, error_text);
  int code = client->curl->easy_perform(client->handle);
  if (exchange.is_too_large) {
    fail(connection, response,
         sqlite3_mprintf("the server's answer is larger than the %u bytes allowed", request->response_max));
  } else if (code != CURLE_OK) {
    const char *text = error_text[0] != '\0' ? error_text : client->curl->easy_strerror(code);
    fail(connection, response, sqlite3_mprintf("%s", text));
  } else if (!exchange.has_header) {
    fail(connection, response, sqlite3_mprintf("the connection ended within the header of the answer"));
  } else if (!read_facts(client, request, response)) {
    fail(connection, response, sqlite3_mprintf("an answer to another request came"));
  }
  /* Forgets the options, among them pointers into this function, and keeps the sockets. */
  client->curl->easy_reset(client->handle);
  client->curl->slist_free_all(headers);
}

/** The client of the connection, made at the first exchange. NULL: no libcurl, or no memory. */
static struct http_client *client_of(connection *connection) {
  if (connection->http != NULL) return connection->http;
  const curl_functions *curl = curl_load();
  struct http_client *client = curl == NULL ? NULL : sqlite3_malloc64(sizeof(*client));
  if (client == NULL) return NULL;
  client->curl = curl;
  client->handle = curl->easy_init();
  if (client->handle == NULL) {
    sqlite3_free(client);
    return NULL;
  }
  connection->http = client;
  return client;
}

void http_exchange(connection *connection, const http_request *request, http_response *response) {
  *response = (http_response){.retry_after_seconds = -1};
  struct http_client *client = client_of(connection);
  if (client == NULL) {
    fail(connection, response,
         sqlite3_mprintf("libcurl cannot be loaded (looked for %s and its other usual names): install it",
                         platform_curl_names[0]));
    return;
  }
  if (!secret_is_clean(connection)) {
    fail(connection, response, sqlite3_mprintf("the token or API key contains control characters"));
    return;
  }
  char *url = sqlite3_mprintf("%.*s", (int)request->url_size, request->url);
  if (url == NULL) {
    connection_fail(connection, FAILURE_MEMORY, NULL);
    return;
  }
  perform(client, connection, request, url, response);
  sqlite3_free(url);
}

void http_response_free(http_response *response) {
  sqlite3_free(response->body);
  response->body = NULL;
  response->body_size = 0;
}

void http_client_free(struct http_client *client) {
  if (client == NULL) return;
  client->curl->easy_cleanup(client->handle);
  sqlite3_free(client);
}
