/* What relay boards answer, and what an attach URI says of a board: the first byte says which. */
#include <stdint.h>
#include <string.h>

#include "drivers/serialrelay/serialrelay_proto.h"
#include "lib/error.h"

static void answer(guint8 which, const uint8_t *data, size_t size)
{
        static const char *const boards[] = {"lcus",     "numato",    "numato64",
                                             "kmtronic", "kmtronic4", "kmtronic8"};
        json_auto_t *params = json_pack("{s:s,s:i,s:b}", "board", boards[which % G_N_ELEMENTS(boards)],
                                        "relay", 1 + which % 2, "readback", 1);
        TbSerialrelayBoard board;
        g_assert_true(tb_serialrelay_board(params, &board, NULL));
        g_autofree char *word = NULL;
        TbSerialrelayReply reply = tb_serialrelay_parse(&board, 1 + which % 2, data, size, &word);
        g_assert_true((reply == TB_SERIALRELAY_MORE) == (word == NULL));
        g_assert_true(!word || g_utf8_validate(word, -1, NULL));
}

/* "on", "off", "query", "reply", with tabs in between */
static void words(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        g_auto(GStrv) parts = g_strsplit(text, "\t", 4);
        if (g_strv_length(parts) < 4 || !g_utf8_validate(text, -1, NULL))
                return;
        json_auto_t *params = json_pack("{s:s,s:i,s:s,s:s,s:s,s:s}", "board", "custom", "relay", 12, "on",
                                        parts[0], "off", parts[1], "query", parts[2], "reply", parts[3]);
        TbSerialrelayBoard board;
        g_autoptr(GError) error = NULL;
        bool ok = tb_serialrelay_board(params, &board, &error);
        g_assert_true(ok == (error == NULL));
        if (ok)
                tb_serialrelay_parse(&board, 12, text, strlen(text), NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 1)
                return 0;
        if (data[0] < 128)
                answer(data[0], data + 1, size - 1);
        else
                words(data + 1, size - 1);
        return 0;
}
