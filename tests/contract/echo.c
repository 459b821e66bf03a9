/* A console whose peer echoes: more at once than anything on the way holds. */
#include <string.h>

#include "tests/contract/lane.h"

#define ECHO_MS 60000

static bool call_write(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->console->write(self, io, data, strlen(data), error);
}

static bool done_echo(const LaneSeen *seen, gpointer data)
{
        return seen->bytes->len >= strlen(data);
}

static void look_echo(const LaneSeen *seen, gpointer data)
{
        g_assert_cmpmem(seen->bytes->str, seen->bytes->len, data, strlen(data));
}

void lane_echo(Lane *lane, gsize size)
{
        g_autofree char *text = g_malloc(size + 1);
        for (gsize i = 0; i < size; i++)
                text[i] = "0123456789abcdefghijklmnopqrstuvwxyz\n"[(i + i / 4096) % 37];
        text[size] = 0;
        lane_forget(lane);
        g_autoptr(GError) error = NULL;
        lane_call(lane, call_write, text, ECHO_MS, &error);
        g_assert_no_error(error);
        lane_wait(lane, "echo of it all", done_echo, text, ECHO_MS);
        lane_look(lane, look_echo, text);
}
