#pragma once
/*
 * Where in a console's history we are: after a loss the conversation goes on there, no byte is missed or shown twice. The host
 * may have come back without its last bytes (a power cut): the end of what we have is compared with what comes. Pure.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_CLI_PLACE_KEPT 256 /* bytes that are compared */

typedef enum TbCliPlaceNews {
        TB_CLI_PLACE_SAME,
        TB_CLI_PLACE_GAP,   /* the history no longer has what lay between */
        TB_CLI_PLACE_OTHER, /* it goes on otherwise than we have it: the host lost bytes that we have seen */
} TbCliPlaceNews;

typedef struct TbCliPlace {
        bool known;       /* where we are */
        guint64 have;     /* offset behind the last byte that was taken */
        GByteArray *kept; /* owned: the last ones */
} TbCliPlace;

void tb_cli_place_init(TbCliPlace *p);
void tb_cli_place_clear(TbCliPlace *p);
void tb_cli_place_set(TbCliPlace *p, guint64 offset); /* from here on, without a past */
/* Where to begin again in a history that ends at `end`. */
guint64 tb_cli_place_again(const TbCliPlace *p, guint64 end);
/* `n` bytes at `offset`: how many of them, at the beginning, are not new. */
gsize tb_cli_place_take(TbCliPlace *p, guint64 offset, const guint8 *bytes, gsize n,
                        TbCliPlaceNews *ret_news);
