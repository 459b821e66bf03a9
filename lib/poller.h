#pragma once
/*
 * TbPoller: one epoll set behind one GSource, so that tens of thousands of idle sockets cost the main loop
 * one file descriptor. Main thread only. A callback may remove any fd, its own included. The first poller of a context that
 * nobody waits in yet is where its loop sleeps while it waits for nothing else.
 */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct TbPoller TbPoller;
typedef struct TbPollerEntry TbPollerEntry;
typedef void (*TbPollerCall)(uint32_t epoll_events, gpointer data);

TbPoller *tb_poller_new(GMainContext *context);
void tb_poller_free(TbPoller *poller); /* asserts that no entry is left */
/* NULL, with errno: the kernel has no room to wait for one more (ENOSPC: fs.epoll.max_user_watches, which all programs
 * of a user share; ENOMEM). The caller ends what it had begun. */
TbPollerEntry *tb_poller_add(TbPoller *poller, int fd, uint32_t epoll_events, TbPollerCall call,
                             gpointer data);
/* Counts the rounds of the loop in which it called anybody: for those who share a budget in one. */
guint64 tb_poller_round(const TbPoller *poller);
bool tb_poller_is_calling(const TbPoller *poller); /* somebody's callback runs */
/* Called at the end of each of these rounds, still as one of the callbacks. `data` is whose it is. Who was hooked first works, and the
 * others send what came of it: `_first` comes before all that were hooked in without. */
void tb_poller_hook(TbPoller *poller, void (*call)(gpointer data), gpointer data);
void tb_poller_hook_first(TbPoller *poller, void (*call)(gpointer data), gpointer data);
void tb_poller_unhook(TbPoller *poller, gpointer data);
void tb_poller_change(TbPollerEntry *entry, uint32_t epoll_events);
void tb_poller_remove(TbPollerEntry *entry); /* accepts NULL; does not close the fd */
