#pragma once
/*
 * Who saw and did what here: rows of the store, the oldest of which go above `audit_rows` (limits:). What a host does is in its own
 * trail under the same request id. They are a chain (server/store/audit_row.h). No secret may be passed in: paths come without their query. What repeats is written once in a
 * while, and what the store does not take is counted. Main thread.
 */
#include <glib.h>
#include <jansson.h>

#include "server/store/db.h"

typedef struct TbAudit TbAudit;

typedef struct TbAuditNote {
        const char *user;    /* "": nobody */
        const char *action;  /* "login", "users.add", "watch", "PUT /host/devices/board/power" */
        const char *object;  /* "lab-1/board", "anna"; NULL: none */
        const char *outcome; /* "ok", "401", … */
        const char *address, *request;
} TbAuditNote;

TbAudit *tb_audit_new(TbDb *db);    /* borrowed */
void tb_audit_free(TbAudit *audit); /* what waits is given to the store before; NULL is fine */
/* `each_s`: the same of the same person is noted once in so many seconds; 0: always. */
void tb_audit_note(TbAudit *audit, const TbAuditNote *note, guint each_s);

typedef struct TbAuditFilter {
        const char *user, *action, *object, *request; /* NULL: any; of an action its beginning */
        gint64 from_ms, to_ms;                        /* wall clock; 0: any */
        gint64 before;                                /* cursor: rows with a smaller id; 0: the newest */
        guint limit;
} TbAuditFilter;

/* Rows as [{id, at, user, action, object, outcome, address, request}], the newest first; owned by the callee. `rows` NULL: `why`. */
typedef void (*TbAuditRead)(json_t *rows, const GError *why, gpointer data);
bool tb_audit_read(TbAudit *audit, const TbAuditFilter *filter, TbAuditRead done, gpointer data,
                   GError **error);
/* All of them, the oldest first: `limit` of those with an id above `after`, columns as tb_audit_chain_row() reads them. `before` is not
 * asked for. */
bool tb_audit_read_on(TbAudit *audit, const TbAuditFilter *filter, gint64 after, TbDbDone done, gpointer data,
                      GError **error);
/* A question about the log, behind what waits to be written. */
bool tb_audit_ask(TbAudit *audit, TbDbCall *call_take, TbDbDone done, gpointer data, GError **error);
/* Exports and checks go through all of it: so many at once, TB_ERROR_BUSY for the next. Each that began ends. */
bool tb_audit_begin_job(TbAudit *audit, GError **error);
void tb_audit_end_job(TbAudit *audit);
json_t *tb_audit_json(const TbDbResult *rows, guint row); /* {id, at, user, …} */
void tb_audit_metrics(GString *out, gpointer audit);
