#pragma once
/*
 * Requests to the host: below its own URL, or carried by a pairing server (/api/hosts/{host}/host/…). A refusal becomes an error
 * with the host's own words (problem+json `detail`) and what to do; connections that break are tried again where the request
 * only reads.
 */
#include <gio/gio.h>
#include <glib.h>
#include <jansson.h>
#include <libsoup/soup.h>
#include <stdbool.h>

#include "client/cli.h"

typedef struct TbCliApi TbCliApi;

/* A device as it stands on the line: [host/]device[/interface]. */
typedef struct TbCliDevice {
        char *host;      /* NULL: not through a server */
        char *id;        /* NULL: the host itself (tb_cli_host()) */
        char *interface; /* NULL: not named */
        char *name;      /* [host/]device, for texts */
} TbCliDevice;
void tb_cli_device_clear(TbCliDevice *device);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbCliDevice, tb_cli_device_clear)

/* Only the text: nobody is asked. INVALID: it is no such name. */
bool tb_cli_device_parse(const char *text, bool server, TbCliDevice *ret, GError **error);
/* Finds out where the host is; for every command that talks to it. */
bool tb_cli_connect(TbCli *cli, GError **error);
/* Both of these connect. The device's interface, if none was named, is its only one of `kind` (NULL: none is looked for). */
bool tb_cli_device(TbCli *cli, const char *text, const char *kind, TbCliDevice *ret, GError **error);
/* "lab-1", "lab-1/board", or NULL without a server. */
bool tb_cli_host(TbCli *cli, const char *text, TbCliDevice *ret, GError **error);

typedef struct TbCliRequest {
        const char *method;
        const TbCliDevice *device; /* NULL: `path` is the server's or the host's whole path */
        const char *
                path; /* below the interface, or, without one, the device, or the host: "/cycle", "?tail=3" */
        json_t *body; /* borrowed; NULL: none */
        GInputStream *upload;                     /* borrowed; NULL: none */
        gint64 upload_size;                       /* -1: not known */
        const char *upload_type;                  /* NULL: application/octet-stream */
        void (*sent)(gsize bytes, gpointer data); /* of the upload, as it goes; NULL: nobody asks */
        gpointer data;
        const char *accept, *last_event_id, *range; /* NULL: not said */
        double wait_s; /* how long the host may take beyond what any request may; < 0: for ever */
} TbCliRequest;

/* The URL of what a request asks for; the caller frees. */
char *tb_cli_url(const TbCli *cli, const TbCliRequest *request);
/* Sends it, with the session's settings; for those who wait by themselves. The caller owns the reference. */
SoupMessage *tb_cli_message(const TbCli *cli, const TbCliRequest *request, GError **error);
SoupSession *tb_cli_session(const TbCli *cli); /* borrowed */

/* The answer's JSON, json_null() where there is none. *ret_problem (nullable): what came with a refusal. The caller owns both. */
json_t *tb_cli_ask(TbCli *cli, const TbCliRequest *request, json_t **ret_problem, GError **error);
/* The answer's body, as it comes. *ret_message (nullable): for its headers. The caller unrefs both. */
GInputStream *tb_cli_open(TbCli *cli, const TbCliRequest *request, SoupMessage **ret_message, GError **error);
/* All of it, TB_LIMIT_CLI_ANSWER at most. */
bool tb_cli_read_all(GInputStream *in, GByteArray *all, GError **error);
/* Copies the answer's body to a descriptor. `got` may be NULL. */
bool tb_cli_copy(GInputStream *in, int fd, void (*got)(gsize bytes, gpointer data), gpointer data,
                 GError **error);
/* Makes an error of a failed exchange, or of one that was sent elsewhere (`why` NULL). */
void tb_cli_transport_error(const TbCli *cli, SoupMessage *message, const GError *why, GError **error);
/* Of an answer that refuses; `body` may be NULL. */
void tb_cli_refusal(const TbCliDevice *device, int status, const json_t *body, GError **error);
void tb_cli_pause_ms(guint ms);      /* on the main loop */
void tb_cli_api_free(TbCliApi *api); /* accepts NULL */
