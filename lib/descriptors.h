#pragma once
/*
 * Descriptors run out in one place only: where strangers' connections are accepted. Those may not have the last
 * ones, so that what libraries open inside (GLib, GStreamer and libnice end the process when they get none) finds
 * one. A descriptor gets the lowest number that is free: a connection whose number is at the ceiling or above came
 * when all below were taken, and is refused. Before that, when few are left, connections that do nothing are closed
 * (lib/http/share.c): the next client finds a place.
 * Any thread, after tb_descriptors_init().
 */
#include <glib.h>
#include <stdbool.h>

/* As many as the system gives us. Main thread, at start. */
void tb_descriptors_init(void);
/* Whether a connection may keep the descriptor that it got. */
bool tb_descriptors_allow(int fd);
/* Whether few are left below that ceiling: `fd` has come last; negative: none came. */
bool tb_descriptors_are_few(int fd);
/* The same of the descriptor that would come next. */
bool tb_descriptors_next_are_few(void);
/* Main thread: few are left, or none; who holds some that do nothing gives back. */
void tb_descriptors_ask(void);
void tb_descriptors_set_giver(void (*give)(void));
void tb_descriptors_pretend(guint all); /* for tests: as if the system gave so many; 0: without an end */
