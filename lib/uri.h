#pragma once
/*
 * Attach URIs: scheme://[user[:password]@]host[:port]/path?key=value. Pure.
 * Examples: serial:///dev/serial/by-id/usb-FTDI_x?baud=115200 · tapo://10.0.0.7 · usbhub://1-1.4 ·
 * adb://0A1B2C3D · x11://:1
 */
#include <glib.h>
#include <jansson.h>

typedef struct TbUri {
        char *scheme;   /* lower case */
        char *user;     /* NULL: none */
        char *password; /* NULL: none; never printed */
        char *host;     /* what stands between // and / without user and port; may be "" */
        int port;       /* -1: none */
        char *path;     /* with its leading slash, percent-decoded; may be "" */
        json_t *query;  /* object of strings; owned */
        char *shown;    /* what texts may hold: without user, password and query */
        char *raw;      /* as given, secrets and all: for comparing, never for a text */
} TbUri;

TbUri *tb_uri_parse(const char *text, GError **error); /* TB_ERROR_INVALID, field "uri" */
void tb_uri_free(TbUri *uri);
/* The URI as users may see it: the password and the query values named in `secrets` (NULL-terminated, may be
 * NULL) are "***". Caller frees. */
char *tb_uri_redacted(const TbUri *uri, const char *const *secrets);
/* Any URL as users may see it when nobody knows its parameters: without the password, and "?***" for the whole
 * query. Also takes what is no URL. The caller frees. */
char *tb_uri_shown(const char *url);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbUri, tb_uri_free)
