#include "drivers/serialrelay/board.h"

#include "drivers/transport/gate.h"
#include "lib/thread.h"

typedef struct Claim {
        const TbLine *who;
        int relay;
        char *device; /* owned */
} Claim;

struct TbSerialrelayLine {
        char *key;         /* owned */
        char *settings;    /* owned; how whoever came first wants it */
        GPtrArray *claims; /* of those who have a relay; under the table's lock */
        TbTransport *link; /* owned; NULL: closed; of who is in the gate */
};

static struct {
        TbMutex lock;
        GHashTable *lines; /* key -> TbSerialrelayLine, owned by their claims */
} table = {.lock = TB_MUTEX_INIT};

static void claim_free(gpointer data)
{
        Claim *claim = data;
        g_free(claim->device);
        g_free(claim);
}

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

static bool may_join(const TbSerialrelayLine *line, const char *settings, int relay, const TbUri *uri,
                     GError **error)
{
        const Claim *first = line->claims->len > 0 ? line->claims->pdata[0] : NULL;
        for (guint i = 0; i < line->claims->len; i++) {
                const Claim *claim = line->claims->pdata[i];
                if (claim->relay == relay) {
                        tb_set_error(error, TB_ERROR_BUSY, "relay %d of %s belongs to the device \"%s\"",
                                     relay, uri->shown, claim->device);
                        return false;
                }
        }
        if (first && g_strcmp0(line->settings, settings) != 0) {
                tb_set_error(error, TB_ERROR_BUSY,
                             "%s: the device \"%s\" has this line at %s: say the same here (%s)", uri->shown,
                             first->device, line->settings, settings);
                return false;
        }
        return true;
}

static void forget(TbSerialrelayLine *line)
{
        g_hash_table_remove(table.lines, line->key);
        if (g_hash_table_size(table.lines) == 0)
                g_clear_pointer(&table.lines, g_hash_table_unref);
}

static void line_free(TbSerialrelayLine *line)
{
        tb_transport_close(line->link);
        g_ptr_array_unref(line->claims);
        g_free(line->settings);
        g_free(line->key);
        g_free(line);
}

static TbSerialrelayLine *claim_relay(TbLine *self, int relay, GError **error)
{
        g_autofree char *key = key_of(self->base.uri, self->base.params),
                        *settings = settings_of(self->base.params);
        tb_mutex_lock(&table.lock);
        if (!table.lines)
                table.lines = g_hash_table_new(g_str_hash, g_str_equal);
        TbSerialrelayLine *line = g_hash_table_lookup(table.lines, key);
        if (!line) {
                line = g_new0(TbSerialrelayLine, 1);
                line->key = g_steal_pointer(&key);
                line->settings = g_steal_pointer(&settings);
                line->claims = g_ptr_array_new_with_free_func(claim_free);
                g_hash_table_insert(table.lines, line->key, line);
        }
        bool ours = line->claims->len == 0 || may_join(line, settings, relay, self->base.uri, error);
        if (ours) {
                Claim *claim = g_new(Claim, 1);
                *claim = (Claim){self, relay, g_strdup(self->base.device)};
                g_ptr_array_add(line->claims, claim);
        }
        tb_mutex_unlock(&table.lock);
        return ours ? line : NULL;
}

void tb_serialrelay_leave(TbSerialrelayLine *line, TbLine *self)
{
        if (!line)
                return;
        tb_mutex_lock(&table.lock);
        for (guint i = line->claims->len; i-- > 0;)
                if (((const Claim *)line->claims->pdata[i])->who == self)
                        g_ptr_array_remove_index(line->claims, i);
        bool last = line->claims->len == 0;
        if (last) {
                forget(line);
                line_free(
                        line); /* nobody is in the gate: who is there has a claim. Under the lock: who comes next opens it anew. */
        }
        tb_mutex_unlock(&table.lock);
}

TbSerialrelayLine *tb_serialrelay_join(TbLine *self, TbIo *io, int relay, GError **error)
{
        TbSerialrelayLine *line = claim_relay(self, relay, error);
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
