#pragma once
/* A PostgreSQL of its own for the .c of one test, and stores on both engines. */
#include <libpq-fe.h>
#include <signal.h>
#include <sys/wait.h>

#include "server/store/private.h"
#include "tests/unit/server/db_rig.h"

static struct {
        char *folder, *url; /* owned */
        GPid pid;
} postgres;

/* tests/postgres.sh in a folder of its own; the first start makes the database. */
static inline void start_postgres(void)
{
        char *argv[] = {(char *)"sh", (char *)"tests/postgres.sh", postgres.folder, NULL};
        g_autoptr(GError) error = NULL;
        gint64 until_us = g_get_monotonic_time() + 2 * END_S * G_USEC_PER_SEC;
        g_assert_true(g_spawn_async(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                                    NULL, &postgres.pid, &error));
        while (PQping(postgres.url) != PQPING_OK) {
                g_assert_cmpint(g_get_monotonic_time(), <, until_us);
                g_assert_cmpint(waitpid(postgres.pid, NULL, WNOHANG), ==, 0);
        }
}

static inline void stop_postgres(int signal)
{
        kill(postgres.pid, signal); /* SIGINT: it ends its connections first */
        g_assert_cmpint(waitpid(postgres.pid, NULL, 0), ==, postgres.pid);
}

static inline void sql(const char *text)
{
        PGconn *c = PQconnectdb(postgres.url);
        PGresult *r = PQexec(c, text);
        if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
                g_error("%s: %s", text, PQerrorMessage(c));
        PQclear(r);
        PQfinish(c);
}

/* An empty store of this engine. */
static inline void begin(World *w, const TbDbEngine *engine)
{
        setup(w, NULL);
        if (engine != &tb_db_postgres)
                return;
        w->url = postgres.url;
        sql("SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public");
}

static inline void begin_postgres(void)
{
        postgres.folder = g_dir_make_tmp("tb-pg-XXXXXX", NULL);
        postgres.url = g_strdup_printf("postgresql:///postgres?host=%s&user=testbed", postgres.folder);
        start_postgres();
}

static inline void end_postgres(void)
{
        stop_postgres(SIGINT);
        char *argv_rm[] = {(char *)"rm", (char *)"-rf", postgres.folder, NULL};
        g_spawn_sync(NULL, argv_rm, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
        g_free(postgres.url);
        g_free(postgres.folder);
}
