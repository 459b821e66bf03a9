#pragma once
/* Pictures of a screen, or its sound, into a file. */
#include <stdbool.h>

#include "client/api.h"

/* The file that --output names, or DEVICE and `suffix`; "-" is the standard output, *ret_name is NULL then. -1: error. */
int tb_cli_open_output(const TbCli *cli, const TbCliDevice *d, const char *suffix, char **ret_name,
                       GError **error);
/* And says its name when all is well (`ok`); `pictures`: how many they are, for --json; 0: none, it is no picture. */
bool tb_cli_close_output(const TbCli *cli, const TbCliDevice *d, int fd, const char *name, guint pictures,
                         bool ok, GError **error);

/* The parts of a multipart stream, as the bytes come: split anywhere. Pure. */
typedef struct TbCliParts {
        GString *line; /* owned: of a part's head */
        gint64 size;   /* of the part whose head is read; -1: not said yet */
        guint64 left;  /* bytes of the part's body that are missing; 0: a head is next */
        guint parts;   /* that are whole */
} TbCliParts;
void tb_cli_parts_init(TbCliParts *p);
void tb_cli_parts_clear(TbCliParts *p);
/* Takes `n` bytes; what of them is content is given to `body`. False: `body` failed, or (DEVICE) it is no such stream. */
bool tb_cli_parts_feed(TbCliParts *p, const guint8 *bytes, gsize n,
                       bool (*body)(const guint8 *bytes, gsize n, gpointer data, GError **error),
                       gpointer data, GError **error);
