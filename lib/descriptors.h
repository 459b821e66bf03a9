#pragma once
/*
 * Descriptors run out in one place only: where strangers' connections are accepted. Those may not have the last
 * ones, so that what libraries open inside (GLib, GStreamer and libnice end the process when they get none) finds
 * one. A descriptor gets the lowest number that is free: a connection whose number is at the ceiling or above came
 * when all below were taken, and is refused.
 * Any thread, after tb_descriptors_init().
 */
#include <glib.h>
#include <stdbool.h>

/* As many as the system gives us. Main thread, at start. */
void tb_descriptors_init(void);
/* Whether a connection may keep the descriptor that it got. */
bool tb_descriptors_allow(int fd);
