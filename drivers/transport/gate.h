#pragma once
/*
 * A gate before one device that several attachments share: the outlets of a PDU, the children of a strip. Small devices answer one
 * request at a time, and mix up what comes meanwhile. `key` is the device's address; whoever is in asks, the
 * others wait as they wait for an answer: until their deadline, or until they are interrupted. They come in their order, but what
 * somebody asked for goes before what is looked at by itself: a PDU of many outlets that takes its time is looked at all the while.
 * Worker threads.
 */
#include "drivers/transport/io.h"

/* `look`: nobody waits for it. False with TB_ERROR_TIMEOUT or TB_ERROR_INTERRUPTED: it did not come. */
bool tb_gate_enter(TbIo *io, const char *key, bool look, GError **error);
/* The same; and who has `patience_ms` for the device does not ask it again when whoever was in has just waited longer than that, in vain
 * (tb_gate_lost()): its error is this one's, too. So a dead PDU costs one wait, not one for each of its outlets. */
bool tb_gate_enter_or_lose(TbIo *io, const char *key, bool look, int patience_ms, GError **error);
void tb_gate_leave(const char *key);
/* Leaves, after the device did not answer. */
void tb_gate_lost(const char *key, const GError *why);
guint tb_gate_waiting(const char *key); /* how many */
