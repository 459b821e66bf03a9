#include "server/views.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/metrics.h"

#define SOON_MS 60      /* what comes together is told together */
#define EVERY_MS 300    /* least time between two tellings of a view */
#define LAZY_MS 30000   /* when a session was last used */
#define TURN_US 2000    /* of a call of tb_views_tick() */
#define KEYS_KEPT 65536 /* hashes of rows of one view: beyond that they are forgotten */

struct TbView {
        TbViews *views; /* borrowed */
        char *key;      /* owned */
        TbViewList list;
        TbGrants *grants, *only; /* ref; NULL: everything */
        TbRole role;
        char *share;       /* owned; NULL: everybody's */
        GHashTable *rows;  /* owned key -> hash of its row as it was told last */
        GHashTable *dirty; /* owned keys whose rows may be others */
        guint64 number;    /* no other view ever had it */
        guint64 version;
        GBytes *text; /* ref; NULL: not made */
        guint64 text_version;
        GQueue readers; /* TbViewReader; not owned */
        GList link;     /* in views->all, the longest unused first */
        gint64 told_ms, due_ms;
};

struct TbViewReader {
        TbView *view; /* borrowed */
        GList link;
        TbViewTold told;
        gpointer data;
        bool behind; /* he has missed something */
};

struct TbViews {
        TbPairing *pairing; /* borrowed */
        char *boot;         /* owned */
        GHashTable *by_key; /* key, borrowed -> TbView, owned */
        GQueue all;
        guint64 numbers, tellings, bytes;
        guint readers;
        gint64 due_ms;
};

/* --- life --- */
static void view_free(gpointer p)
{
        TbView *view = p;
        g_assert(view->readers.length == 0);
        g_queue_unlink(&view->views->all, &view->link);
        g_clear_pointer(&view->text, g_bytes_unref);
        g_hash_table_unref(view->rows);
        g_hash_table_unref(view->dirty);
        tb_grants_unref(view->grants);
        tb_grants_unref(view->only);
        g_free(view->share);
        g_free(view->key);
        g_free(view);
}

TbViews *tb_views_new(TbPairing *pairing)
{
        TbViews *views = g_new0(TbViews, 1);
        views->pairing = pairing;
        views->boot = tb_random_token(6);
        views->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, view_free);
        views->due_ms = G_MAXINT64;
        return views;
}

void tb_views_free(TbViews *views)
{
        if (!views)
                return;
        g_hash_table_unref(views->by_key);
        g_free(views->boot);
        g_free(views);
}

/* What two ask for is one view when they see the same. */
static char *key_of(const TbViewAsk *ask, const TbGrants *grants, const char *share)
{
        GString *key = g_string_new(tb_view_list_name(ask->list));
        g_string_append_printf(key, "|%s|%s|", ask->only ? ask->only : "", share ? share : "");
        if (grants) {
                g_string_append_printf(key, "%d ", (int)ask->caller->role);
                tb_grants_append(grants, key);
        }
        return g_string_free(key, FALSE);
}

/* A view that nobody is told of goes when another one wants its place. */
static bool make_room(TbViews *views)
{
        for (GList *l = views->all.head; l && views->all.length >= TB_LIMIT_LIST_VIEWS;) {
                TbView *view = l->data;
                l = l->next;
                if (view->readers.length == 0)
                        g_hash_table_remove(views->by_key, view->key);
        }
        return views->all.length < TB_LIMIT_LIST_VIEWS;
}

/* NULL: every view that there may be has readers. */
static TbView *view_of(TbViews *views, const TbViewAsk *ask)
{
        const TbCaller *caller = ask->caller;
        bool admin = caller->role >= TB_ROLE_ADMIN, of_session = ask->list == TB_VIEW_SESSIONS;
        TbGrants *grants = admin || of_session ? NULL : caller->grants;
        const char *share = (of_session && !admin) || ask->list == TB_VIEW_LOGINS ? caller->user : NULL;
        g_autofree char *key = key_of(ask, grants, share);
        TbView *view = g_hash_table_lookup(views->by_key, key);
        if (view) {
                g_queue_unlink(&views->all, &view->link);
                g_queue_push_tail_link(&views->all, &view->link);
                return view;
        }
        if (!make_room(views))
                return NULL;
        view = g_new0(TbView, 1);
        view->views = views;
        view->key = g_steal_pointer(&key);
        view->list = ask->list;
        view->grants = tb_grants_ref(grants);
        view->role = caller->role;
        view->share = g_strdup(share);
        if (ask->only) {
                view->only = tb_grants_new();
                tb_grants_add(view->only, ask->only, TB_ROLE_VIEWER);
        }
        view->rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        view->dirty = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        view->number = ++views->numbers;
        view->due_ms = G_MAXINT64;
        view->told_ms = G_MININT64 / 2;
        view->link.data = view;
        g_queue_push_tail_link(&views->all, &view->link);
        g_hash_table_insert(views->by_key, view->key, view);
        return view;
}

static TbSight sight_of(const TbView *view)
{
        return (TbSight){view->grants, view->role, view->only, view->share};
}

static char *etag_of(const TbView *view, guint64 version)
{
        return g_strdup_printf("\"%s-%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x\"", view->views->boot,
                               view->number, version);
}

/* --- what has changed --- */
static void due(TbView *view, gint64 at_ms)
{
        view->due_ms = MIN(view->due_ms, at_ms);
        view->views->due_ms = MIN(view->views->due_ms, view->due_ms);
}

static void mark(TbView *view, const char *key, bool lazy, gint64 now_ms)
{
        if (!g_hash_table_contains(view->dirty, key))
                g_hash_table_add(view->dirty, g_strdup(key));
        if (view->readers.length > 0)
                due(view, lazy ? now_ms + LAZY_MS : MAX(now_ms + SOON_MS, view->told_ms + EVERY_MS));
}

static bool concerns(const TbView *view, const TbListChange *c)
{
        const TbSight sight = sight_of(view);
        if (c->list != TB_LIST_SESSIONS)
                return (view->list == TB_VIEW_HOSTS || view->list == TB_VIEW_DEVICES) &&
                       tb_sight_has_host(&sight, c->host);
        return view->list == TB_VIEW_SESSIONS && (!view->share || strcmp(view->share, c->share) == 0) &&
               (!view->only || (c->host && tb_sight_has(&sight, c->host, c->device)));
}

void tb_views_changed(TbViews *views, const TbListChange *change, gint64 now_ms)
{
        for (GList *l = views->all.head; l; l = l->next)
                if (concerns(l->data, change))
                        mark(l->data, change->key, change->lazy, now_ms);
}

void tb_views_noticed(TbViews *views, TbViewList list, const char *share, gint64 now_ms)
{
        for (GList *l = views->all.head; l; l = l->next) {
                TbView *view = l->data;
                if (view->list == list && (!share || !view->share || strcmp(share, view->share) == 0))
                        mark(view, "", false, now_ms);
        }
}

static guint64 hash_of(const char *text, gsize size)
{
        guint64 h = G_GUINT64_CONSTANT(0xcbf29ce484222325);
        for (gsize i = 0; i < size; i++)
                h = (h ^ (guint8)text[i]) * G_GUINT64_CONSTANT(0x100000001b3);
        return h;
}

/* Appends the row, and its key to `keys`, unless it is as it was told. */
static bool take_row(TbView *view, const char *key, gint64 now_ms, GString *set, json_t *keys)
{
        const TbSight sight = sight_of(view);
        gsize before = set->len;
        tb_pairing_row(view->views->pairing, (TbList)view->list, key, &sight, now_ms, set);
        gpointer old = NULL, now = GSIZE_TO_POINTER((gsize)hash_of(set->str + before, set->len - before));
        if (g_hash_table_lookup_extended(view->rows, key, NULL, &old) && old == now) {
                g_string_truncate(set, before);
                return false;
        }
        if (g_hash_table_size(view->rows) >= KEYS_KEPT)
                g_hash_table_remove_all(view->rows);
        g_hash_table_insert(view->rows, g_strdup(key), now);
        json_array_append_new(keys, json_string(key));
        return true;
}

static bool say(TbViewReader *reader, const char *text, gsize size)
{
        reader->view->views->tellings++;
        reader->view->views->bytes += size;
        return reader->told(text, size, reader->data);
}

static GString *begin(const TbView *view, const char *from)
{
        g_autofree char *etag = etag_of(view, view->version);
        GString *out = g_string_sized_new(256);
        g_string_append_printf(out, "{\"list\":\"%s\"", tb_view_list_name(view->list));
        for (guint i = 0; i < 2; i++) { /* the quotes of an ETag are its own */
                g_autofree char *quoted = g_strescape(i ? etag : from ? from : "", NULL);
                if (i || from)
                        g_string_append_printf(out, ",\"%s\":\"%s\"", i ? "etag" : "from", quoted);
        }
        return out;
}

static void append_get(const TbView *view, GString *out)
{
        g_string_append_printf(out, ",\"get\":\"%s\"", tb_view_list_path(view->list));
}

static void tell(TbView *view, const char *text, gsize size)
{
        for (GList *l = view->readers.head; l;) {
                TbViewReader *reader = l->data;
                l = l->next;
                if (reader->behind || !say(reader, text, size))
                        reader->behind = true;
        }
}

/* The next version, if anything is another; told to who reads it. */
static void settle(TbView *view, gint64 now_ms)
{
        GHashTableIter iter;
        gpointer key;
        view->due_ms = G_MAXINT64;
        if (g_hash_table_size(view->dirty) == 0)
                return;
        g_autofree char *from = etag_of(view, view->version);
        g_autoptr(GString) set = g_string_new("");
        json_auto_t *keys = json_array();
        bool rows = tb_view_list_has_rows(view->list) && view->readers.length > 0, changed = !rows;
        g_hash_table_iter_init(&iter, view->dirty);
        while (rows && g_hash_table_iter_next(&iter, &key, NULL))
                changed |= take_row(view, key, now_ms, set, keys);
        g_hash_table_remove_all(view->dirty);
        if (!rows) /* what it was is not known when somebody reads on */
                g_hash_table_remove_all(view->rows);
        if (!changed)
                return;
        view->version++;
        view->told_ms = now_ms;
        if (view->readers.length == 0)
                return;
        g_autoptr(GString) out = begin(view, rows ? from : NULL);
        if (!rows || set->len > TB_LIMIT_LIST_TOLD) {
                append_get(view, out);
        } else {
                gsize size;
                g_autofree char *text = tb_json_text(keys, &size);
                g_string_append(out, ",\"keys\":");
                g_string_append_len(out, text, (gssize)size);
                g_string_append(out, ",\"set\":[");
                g_string_append_len(out, set->str, (gssize)MAX(set->len, 1) - 1); /* the last comma */
                g_string_append_c(out, ']');
        }
        g_string_append_c(out, '}');
        tell(view, out->str, out->len);
}

gint64 tb_views_due(const TbViews *views)
{
        return views->due_ms;
}

gint64 tb_views_tick(TbViews *views, gint64 now_ms)
{
        if (now_ms < views->due_ms)
                return views->due_ms;
        gint64 until_us = g_get_monotonic_time() + TURN_US;
        views->due_ms = G_MAXINT64;
        for (GList *l = views->all.head; l; l = l->next) {
                TbView *view = l->data;
                if (now_ms >= view->due_ms && g_get_monotonic_time() < until_us)
                        settle(view, now_ms);
                views->due_ms = MIN(views->due_ms, view->due_ms);
        }
        return views->due_ms;
}

/* --- who reads --- */
static GBytes *text_of(TbView *view, gint64 now_ms)
{
        if (view->text && view->text_version == view->version)
                return view->text;
        const TbSight sight = sight_of(view);
        GBytes *text = tb_pairing_list(view->views->pairing, (TbList)view->list, &sight, now_ms);
        if (text != view->text)
                view->text_version = view->version; /* else it is the one of before still */
        if (view->text)
                g_bytes_unref(view->text);
        view->text = text;
        return text;
}

static bool is_tag(const char *has, const char *etag)
{
        return has && (strcmp(has, "*") == 0 || strstr(has, etag) != NULL);
}

GBytes *tb_views_text(TbViews *views, const TbViewAsk *ask, const char *has, gint64 now_ms, char **ret_etag)
{
        TbView *view = view_of(views, ask);
        if (!view) { /* there is no place for one of his own */
                const TbGrants *grants = ask->caller->role >= TB_ROLE_ADMIN ? NULL : ask->caller->grants;
                g_autoptr(TbGrants) only = ask->only ? tb_grants_new() : NULL;
                if (only)
                        tb_grants_add(only, ask->only, TB_ROLE_VIEWER);
                const TbSight sight = {grants, ask->caller->role, only,
                                       ask->caller->role >= TB_ROLE_ADMIN ? NULL : ask->caller->user};
                *ret_etag = NULL;
                return tb_pairing_list(views->pairing, (TbList)ask->list, &sight, now_ms);
        }
        settle(view, now_ms);
        *ret_etag = etag_of(view, view->version);
        if (is_tag(has, *ret_etag))
                return NULL;
        GBytes *text = text_of(view, now_ms);
        g_free(*ret_etag);
        *ret_etag = etag_of(view, view->text_version);
        return is_tag(has, *ret_etag) ? NULL : g_bytes_ref(text);
}

static void greet(TbViewReader *reader, const char *has, gint64 now_ms)
{
        TbView *view = reader->view;
        g_autofree char *etag = etag_of(view, view->version);
        g_autoptr(GString) out = begin(view, NULL);
        if (!is_tag(has, etag)) {
                gsize size = 0;
                const char *text = tb_view_list_has_rows(view->list)
                                           ? g_bytes_get_data(text_of(view, now_ms), &size)
                                           : NULL;
                if (text && size <= TB_LIMIT_LIST_FIRST && view->text_version == view->version) {
                        g_string_append(out, ",\"rows\":");
                        g_string_append_len(out, text, (gssize)size);
                } else {
                        append_get(view, out);
                }
        }
        g_string_append_c(out, '}');
        reader->behind = !say(reader, out->str, out->len);
}

TbViewReader *tb_views_read(TbViews *views, const TbViewAsk *ask, const char *has, gint64 now_ms,
                            TbViewTold told, gpointer data, GError **error)
{
        TbView *view = views->readers < TB_LIMIT_LIST_READERS ? view_of(views, ask) : NULL;
        if (!view) {
                tb_set_error(error, TB_ERROR_LIMIT,
                             views->readers < TB_LIMIT_LIST_READERS
                                     ? "lists are read in %u different ways already: ask by GET"
                                     : "%u lists are read already: ask by GET",
                             views->readers < TB_LIMIT_LIST_READERS ? TB_LIMIT_LIST_VIEWS : views->readers);
                return NULL;
        }
        TbViewReader *reader = g_new0(TbViewReader, 1);
        reader->view = view;
        reader->told = told;
        reader->data = data;
        reader->link.data = reader;
        settle(view, now_ms);
        g_queue_push_tail_link(&view->readers, &reader->link);
        views->readers++;
        greet(reader, has, now_ms);
        return reader;
}

void tb_view_reader_free(TbViewReader *reader)
{
        if (!reader)
                return;
        g_queue_unlink(&reader->view->readers, &reader->link);
        reader->view->views->readers--;
        g_free(reader);
}

void tb_view_reader_caught_up(TbViewReader *reader)
{
        if (!reader->behind)
                return;
        g_autoptr(GString) out = begin(reader->view, NULL);
        append_get(reader->view, out);
        g_string_append_c(out, '}');
        reader->behind = !say(reader, out->str, out->len);
}

void tb_views_metrics(GString *out, gpointer data)
{
        const TbViews *views = data;
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_list_views",
                       "Lists as somebody sees them, kept once each.", views->all.length);
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_list_readers", "Who is told of changes of a list.",
                       views->readers);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_list_told_total", "Changes told to them.",
                       (double)views->tellings);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_list_told_bytes_total", "Bytes of these.",
                       (double)views->bytes);
}
