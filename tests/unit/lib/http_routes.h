#pragma once
/* What the server of the HTTP tests serves, and what its handlers saw. */
#include "lib/http/http.h"
#include "lib/limits.h"
#include "tests/unit/lib/http_rig.h"

static struct {
        guint pressed, gone;
        TbRequest *later;
        TbPipe *pipe;
        TbPush *push;
} seen;

static void hello(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_request_reply_json(request, 200, json_pack("{s:s}", "hello", tb_request_method(request)));
}

static void press(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        seen.pressed++;
        tb_request_reply_empty(request, 204);
}

static void echo(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        json_t *json = tb_request_json(request);
        tb_request_reply_json(request, 201,
                              json_pack("{s:O?, s:O, s:s?, s:s?, s:s, s:s}", "json", json, "query",
                                        tb_request_query(request), "id", tb_request_arg(request, "id"),
                                        "rest", tb_request_arg(request, "rest"), "user",
                                        tb_request_user(request), "base", tb_request_base_url(request)));
}

static void bytes(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_request_reply_bytes(request, 200, "application/octet-stream", tb_request_body(request));
}

static void on_gone(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        g_assert_true(request == seen.later);
        seen.gone++;
}

static void later(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        seen.later = tb_request_ref(request);
        tb_request_on_gone(request, on_gone, NULL);
}

static void stream_in(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        seen.pipe = tb_pipe_new(20 * 1000);
        seen.later = tb_request_ref(request);
        tb_request_read_to(request, seen.pipe);
}

static void stream_out(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        seen.pipe = tb_pipe_new(20 * 1000);
        tb_request_reply_pipe(request, 200, "text/plain", -1, seen.pipe);
}

static void push_gone(TbPush *push, gpointer data G_GNUC_UNUSED)
{
        g_assert_true(push == seen.push);
        seen.push = NULL;
        seen.gone++;
}

static void push(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        seen.push = tb_request_reply_push(request, "text/plain", 1000, push_gone, NULL);
}

static void sse(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        seen.push = tb_request_reply_sse(request, push_gone, NULL);
}

static const TbParam speed[] = {{.name = "baud", .type = TB_PARAM_INT, .required = true, .min = 1, .max = 10},
                                TB_PARAM_END};
static const TbParam page[] = {{.name = "limit", .type = TB_PARAM_INT, .min = 1, .max = 10, .fallback = "5"},
                               TB_PARAM_END};

static const TbRoute routes[] = {
        {.method = "GET", .path = "/hello", .handler = hello, .summary = "Says hello", .tag = "test"},
        {.method = "POST", .path = "/hello", .handler = press},
        {.method = "GET", .path = "/press", .flags = TB_ROUTE_UNSAFE, .handler = press},
        {.method = "POST",
         .path = "/things/{id}",
         .body = TB_BODY_JSON,
         .json = speed,
         .query = page,
         .handler = echo},
        {.method = "PUT", .path = "/any", .body = TB_BODY_JSON_ANY, .handler = echo},
        {.method = "POST",
         .path = "/bytes",
         .body = TB_BODY_BYTES,
         .body_type = "application/sdp",
         .handler = bytes},
        {.method = "GET", .path = "/files/{id}/{rest...}", .handler = echo},
        {.method = "GET", .path = "/later", .handler = later},
        {.method = "PUT", .path = "/stream", .body = TB_BODY_STREAM, .handler = stream_in},
        {.method = "GET", .path = "/stream", .handler = stream_out},
        {.method = "GET", .path = "/push", .flags = TB_ROUTE_STREAMING, .handler = push},
        {.method = "GET", .path = "/sse", .flags = TB_ROUTE_STREAMING, .handler = sse},
        {.method = "GET", .path = "/see", .role = TB_ROLE_VIEWER, .handler = echo},
        {.method = "DELETE", .path = "/see", .role = TB_ROLE_OPERATOR, .handler = press},
        {.method = NULL},
};
