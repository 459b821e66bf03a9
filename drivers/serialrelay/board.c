#include "drivers/serialrelay/board.h"

#include <string.h>

#include "drivers/transport/claim.h"
#include "drivers/transport/gate.h"
#include "lib/thread.h"

struct TbSerialrelayLine {
        char *key;         /* owned */
        char *settings;    /* owned; how whoever came first wants it */
        char *device;      /* owned; who that was */
        guint users;       /* under the table's lock */
        TbTransport *link; /* owned; NULL: closed; of who is in the gate */
};

static struct {
        TbMutex lock;
        GHashTable *lines; /* key -> TbSerialrelayLine, owned by its users */
} table = {.lock = TB_MUTEX_INIT};

static char *key_of(const TbUri *uri, const json_t *params)
{
        const char *rule = json_string_value(json_object_get(params, "usb"));
        return g_strdup_printf("%s://%s:%d%s%s", uri->scheme, uri->host, uri->port, uri->path,
                               rule ? rule : "");
}

static char *settings_of(const json_t *params)
{
        TbSerialSettings settings;
        tb_tty_settings_of(params, &settings);
        return tb_tty_settings_text(&settings);
}

static TbSerialrelayLine *line_new(const TbLine *self, char *key_take) /* locked */
{
        TbSerialrelayLine *line = g_new0(TbSerialrelayLine, 1);
        line->key = key_take;
        line->settings = settings_of(self->base.params);
        line->device = g_strdup(self->base.device);
        if (!table.lines)
                table.lines = g_hash_table_new(g_str_hash, g_str_equal);
        g_hash_table_insert(table.lines, line->key, line);
        return line;
}

static void line_unref(TbSerialrelayLine *line) /* locked: who comes next opens it anew */
{
        if (--line->users > 0)
                return;
        g_hash_table_remove(table.lines, line->key);
        if (g_hash_table_size(table.lines) == 0)
                g_clear_pointer(&table.lines, g_hash_table_unref);
        tb_transport_close(line->link); /* nobody is in the gate: who is there uses the line */
        g_free(line->device);
        g_free(line->settings);
        g_free(line->key);
        g_free(line);
}

static bool fits(const TbSerialrelayLine *line, const TbLine *self, GError **error)
{
        g_autofree char *settings = settings_of(self->base.params);
        if (strcmp(line->settings, settings) == 0)
                return true;
        tb_set_error(error, TB_ERROR_BUSY,
                     "%s: the device \"%s\" has this line at %s: say the same here (%s)",
                     self->base.uri->shown, line->device, line->settings, settings);
        return false;
}

static TbSerialrelayLine *join(TbLine *self, int relay, GError **error)
{
        g_autofree char *key = key_of(self->base.uri, self->base.params),
                        *place = g_strdup_printf("%s relay %d", key, relay),
                        *what = g_strdup_printf("relay %d of %s", relay, self->base.uri->shown);
        if (!tb_claim_take(&self->base, place, 1, what, error))
                return NULL;
        tb_mutex_lock(&table.lock);
        TbSerialrelayLine *line = table.lines ? g_hash_table_lookup(table.lines, key) : NULL;
        if (!line)
                line = line_new(self, g_steal_pointer(&key));
        else if (!fits(line, self, error))
                line = NULL;
        if (line)
                line->users++;
        tb_mutex_unlock(&table.lock);
        if (!line)
                tb_claim_leave(&self->base);
        return line;
}

void tb_serialrelay_leave(TbSerialrelayLine *line, TbLine *self)
{
        if (!line)
                return;
        tb_claim_leave(&self->base);
        tb_mutex_lock(&table.lock);
        line_unref(line);
        tb_mutex_unlock(&table.lock);
}

TbSerialrelayLine *tb_serialrelay_join(TbLine *self, TbIo *io, int relay, GError **error)
{
        TbSerialrelayLine *line = join(self, relay, error);
        if (!line)
                return NULL;
        bool open = tb_gate_enter(io, line->key, io->in_pump, error);
        if (open) {
                open = line->link || tb_line_open(&self->base, io, error);
                if (open && !line->link)
                        line->link = g_steal_pointer(&self->link);
                tb_gate_leave(line->key);
        }
        if (open)
                return line;
        tb_serialrelay_leave(line, self);
        return NULL;
}

TbTransport *tb_serialrelay_enter(TbSerialrelayLine *line, TbIo *io, GError **error)
{
        if (!tb_gate_enter(io, line->key, io->in_pump, error))
                return NULL;
        if (line->link)
                return line->link;
        tb_gate_leave(line->key);
        tb_set_error(error, TB_ERROR_GONE, "%s did not answer: the line is opened anew", line->key);
        return NULL;
}

void tb_serialrelay_exit(TbSerialrelayLine *line, bool lost)
{
        if (lost)
                tb_transport_close(g_steal_pointer(&line->link));
        tb_gate_leave(line->key);
}
