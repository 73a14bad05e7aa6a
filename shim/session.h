/*
 * session.h: drives a network session of the core.
 */
#ifndef CLOUDSYNC_SESSION_H
#define CLOUDSYNC_SESSION_H

#include "connection.h"

/** Does what the core asks for, one action after another, until the core says that the session is done. */
void session_drive(connection *connection);

/** Waits; less when the application interrupts, which fails the call. */
void session_sleep(connection *connection, uint32_t milliseconds);

#endif
