#pragma once
/* A store lane, and questions to it. For the .c of one test. */
#include <glib/gstdio.h>
#include <string.h>

#include "lib/thread.h"
#include "server/store/db.h"
#include "server/store/sql.h"

#define END_S 20 /* of a test that hangs */

typedef struct World {
        char *folder, *file; /* owned; of SQLite */
        const char *url;     /* of PostgreSQL; NULL: SQLite */
        TbDb *db;
        guint changes;
} World;

typedef struct Answer {
        bool there;
        guint rows;
        char *text; /* owned; first column of the first row */
        GError *error;
} Answer;

static inline void on_changed(gpointer data)
{
        ((World *)data)->changes++;
}

static inline void on_answer(const TbDbResult *result, const GError *error, gpointer data)
{
        Answer *a = data;
        a->there = true;
        a->error = error ? g_error_copy(error) : NULL;
        a->rows = result ? tb_db_rows(result) : 0;
        if (a->rows > 0)
                a->text = g_strdup(tb_db_get_text(result, 0, 0));
}

static inline void answer_clear(Answer *a)
{
        g_free(a->text);
        g_clear_error(&a->error);
        *a = (Answer){0};
}

static inline gboolean on_too_late(gpointer what)
{
        g_error("waited in vain for %s", (const char *)what);
        return G_SOURCE_REMOVE;
}

#define UNTIL(condition)                                                                                     \
        do {                                                                                                 \
                guint timer = g_timeout_add_seconds(END_S, on_too_late, (gpointer) #condition);              \
                while (!(condition))                                                                         \
                        g_main_context_iteration(NULL, TRUE);                                                \
                g_source_remove(timer);                                                                      \
        } while (0)

static inline void setup(World *w, char *folder_take)
{
        *w = (World){.folder = folder_take ? folder_take : g_dir_make_tmp("tb-db-XXXXXX", NULL)};
        w->file = g_build_filename(w->folder, "server.db", NULL);
        tb_main_init(NULL);
}

static inline void start(World *w)
{
        w->db = tb_db_new(w->url ? &tb_db_postgres : &tb_db_sqlite, w->url ? w->url : w->file, on_changed, w);
        UNTIL(tb_db_state(w->db) != TB_DB_OPENING);
}

static inline void stop(World *w)
{
        tb_db_free(g_steal_pointer(&w->db), 5000);
}

/* Empties the folder: other files are only what the test knows of. */
static inline guint files(World *w, const char *with, bool remove)
{
        g_autoptr(GDir) dir = g_dir_open(w->folder, 0, NULL);
        const char *name;
        guint n = 0;
        while ((name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(w->folder, name, NULL);
                if (with && !strstr(name, with))
                        continue;
                n++;
                if (remove)
                        g_unlink(path);
        }
        return n;
}

static inline void teardown(World *w)
{
        if (w->db)
                stop(w);
        tb_main_stop();
        files(w, NULL, true);
        g_rmdir(w->folder);
        g_free(w->folder);
        g_free(w->file);
}

static inline TbDbCall *put(const char *name, const char *key)
{
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_host_put);
        tb_db_text(call, name);
        tb_db_text(call, "i");
        tb_db_text(call, key);
        tb_db_int(call, 1);
        tb_db_int(call, 2);
        return call;
}

static inline void ask(World *w, Answer *a, TbDbCall *call_take)
{
        g_autoptr(GError) error = NULL;
        answer_clear(a);
        g_assert_true(tb_db_submit_take(w->db, call_take, on_answer, a, &error));
        UNTIL(a->there);
}

static inline guint hosts(World *w)
{
        Answer a = {0};
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_host_list);
        ask(w, &a, call);
        g_assert_no_error(a.error);
        guint n = a.rows;
        answer_clear(&a);
        return n;
}
