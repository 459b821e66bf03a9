#pragma once
/*
 * Descriptors run out in two places only: where strangers' connections are accepted, and where something of a device
 * begins (a lane, a call, a program). Neither may have the last ones, so that what libraries open inside (GLib,
 * GStreamer and libnice end the process when they get none) finds one. And neither may have what the other one needs:
 * connections get half of all, and devices stop a little earlier than connections, so that somebody can come and look.
 * A descriptor gets the lowest number that is free: one whose number is at the ceiling or above came when all below
 * were taken, and is given back. Before that, when few are left, connections that do nothing are closed
 * (lib/http/share.c): the next client finds a place.
 * Any thread, after tb_descriptors_init().
 */
#include <glib.h>
#include <stdbool.h>
#include <sys/select.h>

/* First of all in main(): a program that was started with stdin, stdout or stderr closed would get these numbers for files and sockets of
 * its own, and what it prints would go there. Writing there fails from here on (EBADF), as it should. */
void tb_descriptors_standard(void);
/* As many as the system gives us. Main thread, at start. */
void tb_descriptors_init(void);
/* How many connections there may be at once, as far as descriptors go: half of all. */
guint tb_descriptors_for_connections(void);
/* Whether a connection may keep the descriptor that it got. */
bool tb_descriptors_allow(int fd);
/* Whether something of a device may; then TB_LIMIT_DESCRIPTORS_SPARE more can be had. */
bool tb_descriptors_allow_device(int fd);
/* Whether few are left below that ceiling: `fd` has come last; negative: none came. */
bool tb_descriptors_are_few(int fd);
/* The same of the descriptor that would come next. */
bool tb_descriptors_next_are_few(void);
/* Main thread: few are left, or none; who holds some that do nothing gives back. */
void tb_descriptors_ask(void);
void tb_descriptors_set_giver(void (*give)(void));
/*
 * Some libraries (libvncserver, libvncclient, libmodbus) wait by select(): what they are given must lie below FD_SETSIZE (1024), and above
 * it they end the process. A host with many devices has used those numbers up long before, so some are kept for them from the start.
 */
/* Main thread, at start, behind tb_descriptors_init(): so many; none where there are no higher numbers. */
void tb_descriptors_keep_low(guint n);
/* `fd` itself where its number is low enough, else another number for the same, and `fd` is closed. -1: there is none (UNAVAILABLE; `fd`
 * is closed), or `fd` is negative (as errno says). Given back by tb_descriptors_low_close(), never by close(). */
int tb_descriptors_low_take(int fd, GError **error);
void tb_descriptors_low_close(int fd);  /* negative: nothing */
void tb_descriptors_pretend(guint all); /* for tests: as if the system gave so many; 0: no more */
