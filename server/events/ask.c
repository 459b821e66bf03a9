/* A request and what it asks of the store, one call after the other. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "server/events/private.h"
#include "server/store/sql.h"

TbAsk *tb_ask_new(TbEvents *events, TbRequest *request, TbEventNeed need, const char *id)
{
        g_autoptr(GError) error = NULL;
        char *user = tb_event_who(events, request, need, &error);
        if (!user) {
                tb_http_decline(request, error);
                return NULL;
        }
        TbAsk *ask = g_new0(TbAsk, 1);
        ask->events = events;
        ask->request = tb_request_ref(request);
        ask->user = user;
        ask->id = g_strdup(id);
        return ask;
}

void tb_ask_free(TbAsk *ask)
{
        tb_place_give(&ask->place);
        tb_pipe_unref(ask->pipe);
        if (ask->request)
                tb_request_unref(ask->request);
        json_decref(ask->kept);
        g_free(ask->user);
        g_free(ask->id);
        g_free(ask);
}

void tb_ask_json(TbAsk *ask, int status, json_t *body_take)
{
        if (ask->request)
                tb_request_reply_json(ask->request, status, body_take);
        else
                json_decref(body_take);
        tb_ask_free(ask);
}

void tb_ask_error(TbAsk *ask, const GError *error)
{
        if (ask->pipe)
                tb_pipe_fail(ask->pipe, error); /* what still comes of a body is not wanted */
        if (ask->request)
                tb_http_decline(ask->request, error);
        tb_ask_free(ask);
}

void tb_ask_refuse(TbAsk *ask, TbErrorCode code, const char *text)
{
        g_autoptr(GError) error = g_error_new_literal(TB_ERROR, (int)code, text);
        tb_ask_error(ask, error);
}

static void on_rows(const TbDbResult *rows, const GError *error, gpointer data)
{
        TbAsk *ask = data;
        if (rows)
                ask->then(ask, rows);
        else
                tb_ask_error(ask, error);
}

void tb_ask_run(TbAsk *ask, TbDbCall *call_take, TbAskThen then)
{
        g_autoptr(GError) error = NULL;
        ask->then = then;
        if (!tb_db_submit_take(ask->events->db, call_take, on_rows, ask, &error))
                tb_ask_error(ask, error);
}

void tb_ask_event(TbAsk *ask, TbDbCall *call)
{
        tb_db_statement(call, tb_sql_event_get);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->user);
}
