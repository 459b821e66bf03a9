#pragma once
/*
 * Where the host is, and what is shown to it: the command line, then the environment (TESTBED_HOST, TESTBED_SERVER,
 * TESTBED_TOKEN, TESTBED_TOKEN_FILE, TESTBED_CA, TESTBED_LEASE), then $XDG_CONFIG_HOME/testbed/client.yaml:
 *
 *     default: lab
 *     hosts:
 *       lab: {url: "https://lab-1.example:6109", token: …, ca: lab-ca.pem}
 *       far: {server: "https://pairing.example", token: …}
 *
 * then http://localhost:6109. A file with a token in it that others may read is refused.
 */
#include <glib.h>
#include <stdbool.h>

#include "client/cli.h"

typedef struct TbCliSettings {
        char *url;        /* without a slash at its end */
        char *entry;      /* its name in client.yaml; NULL: it is not from there */
        bool server;      /* url is a pairing server's: devices are host/device */
        char *token;      /* NULL: none. Never printed */
        char *token_file; /* absolute; NULL: it was not from one */
        char *ca;         /* absolute; NULL: the system's */
        char *lease;      /* NULL: none */
} TbCliSettings;

TbCliSettings *tb_cli_settings_load(const TbCli *cli, GError **error);
void tb_cli_settings_free(TbCliSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbCliSettings, tb_cli_settings_free)
/* http(s)://host[:port][/prefix], without a password. The caller frees. */
char *tb_cli_base_url(const char *text, GError **error);
