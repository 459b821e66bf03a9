#pragma once
/*
 * What the server knows, across restarts: sessions, host keys and enrolments, written behind to the store lane (server/store/).
 * Tokens are there as they are in memory, as SHA-256; who was connected is not: clients say hello again.
 *
 * A session that was made is written at once, its last activity every few seconds. Only one transaction is under way; what
 * changes meanwhile is the next one, so many at once cost few. What fails stays marked and is tried again: memory is the
 * truth, and nothing queues. Times are stored by the wall clock, and again when that was set. Main thread.
 */
#include <stdbool.h>

#include "server/pairing/pairing.h"
#include "server/store/accounts.h"

#define TB_PERSIST_FILE "server.db" /* in the state folder */

typedef struct TbPersist TbPersist;

/* Opens the state folder. `database`: of tb_db_engine_of(); NULL: a file there. Its lock in another server's hands (TB_ERROR_BUSY), or a store of a newer program
 * (TB_ERROR_UNSUPPORTED): NULL with the error. Whatever else fails is tried again later: tb_persist_trouble(). */
TbPersist *tb_persist_new(const char *state_dir, const char *database, GError **error);
TbHostKeys *tb_persist_host_keys(TbPersist *persist);    /* borrowed */
TbEnrolments *tb_persist_enrolments(TbPersist *persist); /* borrowed; changes are written at once */
TbAccounts *tb_persist_accounts(TbPersist *persist);     /* the same */
bool tb_persist_is_loaded(const TbPersist *persist);     /* all that the store has is in memory */
/* From here on `told` runs when enrolments, users, groups or sign-ins have changed; it calls nothing of the persist. */
void tb_persist_tell(TbPersist *persist, void (*told)(gpointer data), gpointer data);
/* Looks for users that a command (--add-user) put into the store while the server ran. */
bool tb_persist_read_users(TbPersist *persist);
TbDb *tb_persist_db(TbPersist *persist); /* borrowed, for who writes rows of his own */
/* Puts into `pairing` (borrowed) what was kept, and waits for that for a moment, running the main loop. */
bool tb_persist_load(TbPersist *persist, TbPairing *pairing, GError **error);
/* Writes the rest, for at most `grace_ms`. */
void tb_persist_free(TbPersist *persist, guint grace_ms);

/* The pairing's hook, `data` of which is the persist. */
void tb_persist_changed(TbPersist *persist, TbSession *session, TbSessionChange change);
/* `done` runs once: when everything that was made so far is written (true), or when waiting for it makes no sense (false):
 * the store fails, or has not answered in TB_LIMIT_PERSIST_WAIT_MS. May run at once. */
void tb_persist_when_written(TbPersist *persist, void (*done)(bool written, gpointer data), gpointer data);
/* Writes activity that is due; gives when to be called again. `now_ms`: boot clock. */
gint64 tb_persist_tick(TbPersist *persist, gint64 now_ms);
/* Why what changes is not on the disk, or what was lost at the start; NULL: all is well. Borrowed until the next call. */
const char *tb_persist_trouble(TbPersist *persist);
void tb_persist_metrics(GString *out, gpointer persist);
