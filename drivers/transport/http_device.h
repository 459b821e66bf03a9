#pragma once
/*
 * A device that is asked by HTTP, again and again: its address, who we are to it, what it asked for as a
 * password, how long it may take. An exchange that fails is tried once more, since a packet is lost on a bad Wi-Fi; one that
 * a small device with room for one connection answers 429 or 503 up to five times, within the call's deadline. Thread: worker.
 *
 * Every text says what happened, where, and what to do, and holds no secret:
 *      "no Shelly answers at 10.0.0.7 (…): has it power and network, is the address right?"     GONE
 *      "the Shelly at 10.0.0.7 refuses the password: correct "password" of this attachment"     DEVICE
 *      "the Shelly at 10.0.0.7 refuses: Argument 'id', value 2 not found!"                      UNPROCESSABLE
 *      "the Shelly at 10.0.0.7 is busy (status 503): try again in a moment"                     BUSY
 */
#include "drivers/driver.h"
#include "drivers/transport/http.h"

typedef struct TbHttpDevice {
        const char *kind;            /* "Shelly"; static */
        char *what;                  /* owned: "Shelly", or "Shelly SHPLG-S" once it has said its model */
        const char *user, *password; /* borrowed from the attachment; password NULL: none is set */
        char *bearer;                /* owned: of the parameter "token"; NULL: none */
        bool by_token;               /* that is its way, whether or not one is set */
        char *where;                 /* owned: host of the URI, and its port when it has one */
        char *origin;                /* owned: "http://[fe80::1]:8080" */
        TbHttpAuth auth;
        int timeout_ms;  /* of one attempt */
        bool unverified; /* https, whoever answers */
        const char *const
                *headers; /* borrowed: "Name", "value", …, NULL of each request without a token; NULL: none */
} TbHttpDevice;

/* The rows that every such driver has in its table of parameters: who, and how long. */
#define TB_HTTP_DEVICE_PARAMS                                                                                \
        {.name = "user",                                                                                     \
         .type = TB_PARAM_STRING,                                                                            \
         .min = 1,                                                                                           \
         .max = 64,                                                                                          \
         .help = "its user name, where it is not the maker's"},                                              \
                {.name = "password",                                                                         \
                 .type = TB_PARAM_SECRET,                                                                    \
                 .max = 128,                                                                                 \
                 .help = "the device's password, if one is set"},                                            \
                TB_HTTP_DEVICE_TIMEOUT_PARAM

/* A further row where devices speak https; without it they are asked by http, and by https when that is the scheme. */
#define TB_HTTP_DEVICE_TLS_PARAM                                                                             \
        {                                                                                                    \
                .name = "tls", .type = TB_PARAM_ENUM, .choices = TB_CHOICES("off", "on", "unverified"),      \
                .help = "https; unverified: whatever certificate it shows (its password could be read by "   \
                        "somebody between)"                                                                  \
        }

#define TB_HTTP_DEVICE_TIMEOUT_PARAM                                                                         \
        {                                                                                                    \
                .name = "timeout_ms", .type = TB_PARAM_INT, .min = 500, .max = 30000, .fallback = "4000",    \
                .unit = "ms", .help = "how long an answer may take; a device on a bad Wi-Fi takes a second"  \
        }

/* For TbDriver.check: the URI names an address, maybe a port, and nothing behind it. */
bool tb_http_device_check(const TbUri *uri, json_t *params, GError **error);
/* Reads address, user, password (or token) and timeout of the attachment; `user`: the maker's name for it, NULL: none;
 * `port`: where it listens when the URI names none, 0: that of http. */
void tb_http_device_init(TbHttpDevice *device, const TbInstance *self, const char *what, const char *user,
                         int port);
/* It has said which model it is (any JSON value; what is no text changes nothing): texts name it. */
void tb_http_device_name(TbHttpDevice *device, const json_t *model);
void tb_http_device_clear(TbHttpDevice *device); /* accepts what is zeroed */

/* One exchange, any status. `target`: path and query. `body` NULL: none. The caller clears the answer. */
bool tb_http_device_call(TbHttpDevice *device, TbIo *io, const char *method, const char *target,
                         const char *content_type, const char *body, TbHttpAnswer *ret_answer,
                         GError **error);
/* The same with a body of bytes. */
bool tb_http_device_send(TbHttpDevice *device, TbIo *io, const char *method, const char *target,
                         const char *content_type, const void *body, gsize size, TbHttpAnswer *ret_answer,
                         GError **error);
/* The same as the first, where the answer must be 2xx. */
bool tb_http_device_ask(TbHttpDevice *device, TbIo *io, const char *method, const char *target,
                        const char *content_type, const char *body, TbHttpAnswer *ret_answer, GError **error);
/* GET whose answer must be 2xx and a JSON object or array of at most TB_LIMIT_DEVICE_ANSWER bytes; the caller owns the reference. */
json_t *tb_http_device_get(TbHttpDevice *device, TbIo *io, GError **error, const char *format, ...)
        G_GNUC_PRINTF(4, 5);
json_t *tb_http_device_post(TbHttpDevice *device, TbIo *io, const json_t *body, GError **error,
                            const char *format, ...) G_GNUC_PRINTF(5, 6);
/* After an exchange of another protocol that failed with `why`: true, after a pause, when it was lost and is to be tried once more
 * (`attempt` counts from 0) within the call's deadline. */
bool tb_http_device_again(TbIo *io, const GError *why, int attempt);
/* Nobody answered: GONE, with `why` (TIMEOUT or GONE) in brackets; any other error is passed on. Returns false. */
bool tb_http_device_absent(const TbHttpDevice *device, GError *why_take, GError **error);
/* What is said of an answer that is not this device's: "what answers at 10.0.0.7 is no Shelly: …". */
bool tb_http_device_foreign(const TbHttpDevice *device, const char *why, GError **error);
