#pragma once
/*
 * A plug or a PDU whose HTTP requests somebody wrote down: what the parameters mean. Pure.
 * What labs have that way (netio, Digital Loggers, Gude, OpenWrt's ubus, home-made ones): README.md.
 */
#include "drivers/transport/plug.h"

/* One request: "/outlet?{number}=ON", "PUT /outlets/{output}/state". */
typedef struct TbHttpplugRequest {
        char *method, *target; /* owned */
        char *body;            /* owned; NULL: none */
} TbHttpplugRequest;

/* `{output}` counts from 0, `{number}` from 1. `body` NULL: none. TB_ERROR_INVALID: neither a path nor a method and one. */
bool tb_httpplug_request(const char *text, const char *body, int output, TbHttpplugRequest *ret,
                         GError **error);
void tb_httpplug_request_clear(TbHttpplugRequest *request);

/* Where the state stands in the answer of `state`. */
typedef struct TbHttpplugPlace {
        const char *pointer; /* RFC 6901 into JSON; NULL: not there */
        const char *pattern; /* a regular expression, its first group counts; NULL: the whole answer */
        const char *on_value, *off_value; /* NULL: on, true, 1 and their opposites */
        const char *watts;                /* RFC 6901; NULL: none */
} TbHttpplugPlace;

/* TB_ERROR_INVALID with the field that is wrong. */
bool tb_httpplug_check_place(const TbHttpplugPlace *place, GError **error);
/* `text`: NUL-terminated behind its size. DEVICE: no state stands there. */
bool tb_httpplug_parse(const TbHttpplugPlace *place, const char *text, gsize size, int output,
                       TbPlugState *ret, GError **error);
