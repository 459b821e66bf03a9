#pragma once
/*
 * One error domain for the whole of Testbed, and one table from its codes to HTTP statuses, titles and
 * problem types. Messages say what happened, where, and what to do: they reach users unchanged in RFC 9457
 * bodies and WebSocket replies.
 */
#include <glib.h>
#include <jansson.h>

#define TB_ERROR (tb_error_quark())

typedef enum TbErrorCode {
        TB_ERROR_INVALID,       /* 400 the request or parameter is wrong */
        TB_ERROR_UNAUTHORIZED,  /* 401 no token, or an unknown one */
        TB_ERROR_CREDITS,       /* 402 what one may use is used up */
        TB_ERROR_FORBIDDEN,     /* 403 the role or origin may not do this */
        TB_ERROR_NOT_FOUND,     /* 404 */
        TB_ERROR_METHOD,        /* 405 the route exists, the method does not */
        TB_ERROR_BUSY,          /* 409 something else is going on, or the name is taken */
        TB_ERROR_GONE,          /* 410 the device is not there (unplugged, unreachable) */
        TB_ERROR_PRECONDITION,  /* 412 If-Match */
        TB_ERROR_TOO_LARGE,     /* 413 */
        TB_ERROR_MEDIA_TYPE,    /* 415 */
        TB_ERROR_UNPROCESSABLE, /* 422 understood, but the device refused */
        TB_ERROR_LOCKED,        /* 423 leased by somebody else */
        TB_ERROR_LIMIT,         /* 429 */
        TB_ERROR_INTERNAL,      /* 500 */
        TB_ERROR_UNSUPPORTED,   /* 501 this hardware or driver cannot do it */
        TB_ERROR_DEVICE,        /* 502 the device or its protocol failed */
        TB_ERROR_UNAVAILABLE,   /* 503 shutting down, or a needed service is not there */
        TB_ERROR_TIMEOUT,       /* 504 */
        TB_ERROR_INTERRUPTED,   /* 503 the wait was ended from outside */
        TB_ERROR_CODES
} TbErrorCode;

GQuark tb_error_quark(void);

/* Sets an error of our domain; nothing when `error` is NULL. What a device or a person said may stand in the message as it came: what is not shown
 * (tb_text_shown()) is left out of it. */
void tb_set_error(GError **error, TbErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Puts words before the message of an error that was set (where, for whom); nothing when there is none. */
void tb_error_prefix(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Puts words behind it. */
void tb_error_suffix(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Sets an error that blames a field of the request; tb_error_field() finds it again. `field` is copied into
 * the error. */
void tb_error_set_field(GError **error, TbErrorCode code, const char *field, const char *format, ...)
        G_GNUC_PRINTF(4, 5);
/* Borrowed from `error`; NULL when no field is to blame. */
const char *tb_error_field(const GError *error);
/* The message; borrowed from `error`. */
const char *tb_error_detail(const GError *error);

int tb_error_status(const GError *error);        /* HTTP status; 500 for a foreign domain */
const char *tb_error_title(const GError *error); /* static */
const char *tb_status_title(int status);         /* static; "Error" when unknown */

/* RFC 9457 body; the caller owns the reference. `extra` (nullable, borrowed) is merged in. */
json_t *tb_error_to_problem(const GError *error, json_t *extra);
/* {"status","title","detail","field"?} as in WebSocket replies; the caller owns the reference. */
json_t *tb_error_to_json(const GError *error);
