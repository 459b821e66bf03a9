#pragma once
/*
 * Lists as those see them who read them: one for all who see the same (one view), whether they ask by GET or are told of
 * changes. A view has a version, which is its ETag; what has changed since the version before is told to its readers as
 * one text, made once. Pure: the clock comes in; the pairing is asked for rows. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/http/caller.h"
#include "server/pairing/pairing.h"

typedef enum TbViewList {
        TB_VIEW_HOSTS,
        TB_VIEW_DEVICES,
        TB_VIEW_SESSIONS,
        /* of these it is told that there is another: who reads them gets them by their route */
        TB_VIEW_ENROL,
        TB_VIEW_USERS,
        TB_VIEW_GROUPS,
        TB_VIEW_LOGINS, /* sign-ins of `share` */
        TB_VIEW_TELEMETRY,
        TB_VIEW_LISTS, /* how many */
} TbViewList;

const char *tb_view_list_name(TbViewList list); /* "hosts" */
const char *tb_view_list_path(TbViewList list); /* "api/hosts" */
bool tb_view_list_has_rows(TbViewList list);
/* NULL text or an unknown one: false. */
bool tb_view_list_parse(const char *text, TbViewList *ret);
TbRole tb_view_list_role(TbViewList list); /* the least that reads it */

typedef struct TbViews TbViews;
typedef struct TbView TbView;
typedef struct TbViewReader TbViewReader;

/* Whose view it is. All borrowed. */
typedef struct TbViewAsk {
        TbViewList list;
        const TbCaller *caller;
        const char *only; /* a pattern of lib/http/grants.h; NULL: all that he may see */
} TbViewAsk;

TbViews *tb_views_new(TbPairing *pairing); /* borrowed */
void tb_views_free(TbViews *views);        /* nobody reads any more; NULL is fine */

/* Whole, for who has `has` (If-None-Match; NULL: nothing): *ret_etag is the caller's. NULL: he has it already. A large one may be
 * some seconds old (tb_pairing_list()). Lists with rows alone. */
GBytes *tb_views_text(TbViews *views, const TbViewAsk *ask, const char *has, gint64 now_ms, char **ret_etag);

/* One who is told: false: he cannot take it now (tb_view_reader_caught_up()). Called from tb_views_tick() and from tb_views_read(). */
typedef bool (*TbViewTold)(const char *text, gsize size, gpointer data);
/* From here on he is told of changes, and first of what is there: `{"list","etag"}` when he has that (`has`, nullable), with "rows" when
 * they are few, with "get" when he is to ask for it. TB_ERROR_LIMIT: there are TB_LIMIT_LIST_READERS, or TB_LIMIT_LIST_VIEWS views. */
TbViewReader *tb_views_read(TbViews *views, const TbViewAsk *ask, const char *has, gint64 now_ms,
                            TbViewTold told, gpointer data, GError **error);
void tb_view_reader_free(TbViewReader *reader);      /* NULL is fine */
void tb_view_reader_caught_up(TbViewReader *reader); /* he is told to ask anew, if he has missed something */

/* `key`: of the list; the rest as TbListChange. NULL: any. */
void tb_views_changed(TbViews *views, const TbListChange *change, gint64 now_ms);
void tb_views_noticed(TbViews *views, TbViewList list, const char *share,
                      gint64 now_ms); /* share NULL: anybody's */
/* Tells who is to be told, for 2 ms at most; the time of the next call that matters. */
gint64 tb_views_tick(TbViews *views, gint64 now_ms);
gint64 tb_views_due(const TbViews *views); /* the same, without doing anything; G_MAXINT64: nothing waits */

void tb_views_metrics(GString *out, gpointer views);
