#pragma once
/*
 * What the program prints. Texts of hosts and devices go to a terminal without control characters: nobody's label moves the
 * cursor. Colours only on a terminal, and not with NO_COLOR (https://no-color.org) or TERM=dumb.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "client/cli.h"

void tb_cli_print(const char *format, ...) G_GNUC_PRINTF(1, 2);
void tb_cli_say(const char *format, ...)
        G_GNUC_PRINTF(1, 2);                 /* on the standard error, "testbed: " first, a newline behind */
void tb_cli_print_json(const json_t *value); /* one line; nothing else may be on that line */
/* For commands whose answer has nothing in it: {"device":…, `field`: value}, with --json; nothing else. */
void tb_cli_print_done(const TbCli *cli, const char *device, const char *field, json_t *value_take);
/* Both: false: the reader has gone, or the disk is full; `error` says so. What was printed so far is out then, or will never be. */
bool tb_cli_flush(GError **error);
bool tb_cli_write(int fd, const void *bytes, gsize size, GError **error);
/* For what prints on and on: who read it may go while there is nothing to print. Ends the process by SIGPIPE then. Once. */
void tb_cli_end_with_reader(void);

typedef enum TbCliColor { TB_CLI_PLAIN, TB_CLI_GREEN, TB_CLI_YELLOW, TB_CLI_RED, TB_CLI_FAINT } TbCliColor;
TbCliColor tb_cli_color_of(const char *state); /* of a device or an interface: ready, absent, fault … */
char *tb_cli_clean(const char *text); /* without control characters; NULL gives "-". The caller frees */

/* Columns as wide as they need be. */
typedef struct TbCliTable TbCliTable;
TbCliTable *tb_cli_table_new(const char *const *titles);
void tb_cli_table_add(TbCliTable *table, TbCliColor color,
                      const char *const *cells); /* as many as titles; copied, cleaned */
void tb_cli_table_print(TbCliTable *table);      /* and frees it */
