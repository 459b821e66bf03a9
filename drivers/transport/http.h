#pragma once
/*
 * One HTTP exchange with a device (smart plug, PDU, camera), by libsoup in the worker's own context. Thread:
 * worker. Errors as in transport.h; an HTTP status is not an error here, and a redirect is not followed:
 * credentials go where they were meant to go. Within a pump a waiting command ends it too
 * (TB_ERROR_INTERRUPTED): ask only for what can be asked again. Texts name the URL without its user, password
 * and query. A driver that asks one device again and again uses http_device.h.
 */
#include <glib.h>

#include "drivers/transport/httpauth.h"
#include "drivers/transport/io.h"

typedef struct TbHttpCall {
        const char *method; /* "GET" */
        const char *url;
        const char *content_type; /* of `body`; NULL: none */
        const void *body;
        gsize body_size;
        const char *const *headers; /* "Name", "value", …, NULL */
        /* Basic, or Digest (MD5, SHA-256) when the device asks for it; NULL: none */
        const char *user, *password;
        TbHttpAuth *auth; /* kept from call to call; NULL: nothing is */
        const char *who;  /* in texts, instead of the URL; NULL: the URL */
        bool unverified;  /* https: any certificate will do */
        int timeout_ms;
        gsize limit; /* bytes of the answer; 0: TB_LIMIT_HTTP_BODY */
} TbHttpCall;

typedef struct TbHttpAnswer {
        int status;
        char *content_type;
        GBytes *body;        /* owned; also NUL-terminated behind its size */
        GHashTable *headers; /* lower-case name -> value, of several "a, b"; owned */
} TbHttpAnswer;

bool tb_http_call(TbIo *io, const TbHttpCall *call, TbHttpAnswer *ret_answer, GError **error);
void tb_http_answer_clear(TbHttpAnswer *answer);
