#include "drivers/qemu/qmp_proto.h"

#include <string.h>

#include "lib/json.h"
#include "lib/limits.h"

static bool classify(TbQemuQmpMessage *m)
{
        json_t *part;
        m->id = -1;
        json_t *id = json_object_get(m->root, "id");
        if (json_is_integer(id))
                m->id = json_integer_value(id);
        if (json_object_get(m->root, "QMP")) {
                m->kind = TB_QEMU_QMP_GREETING;
                return true;
        }
        if ((part = json_object_get(m->root, "return"))) {
                m->kind = TB_QEMU_QMP_RETURN;
                m->value = part;
                return true;
        }
        if ((part = json_object_get(m->root, "error"))) {
                m->kind = TB_QEMU_QMP_ERROR;
                m->text = json_string_value(json_object_get(part, "desc"));
                return m->text != NULL;
        }
        m->kind = TB_QEMU_QMP_EVENT;
        m->text = json_string_value(json_object_get(m->root, "event"));
        m->value = json_object_get(m->root, "data");
        return m->text != NULL;
}

gssize tb_qemu_qmp_parse(const char *data, gsize size, TbQemuQmpMessage *ret)
{
        const char *end = size > 0 ? memchr(data, '\n', size) : NULL;
        gsize length = end ? (gsize)(end - data) : size;
        if (length > TB_LIMIT_LINE)
                return -1;
        if (!end)
                return 0;
        TbQemuQmpMessage m = {.root = json_loadb(data, length, JSON_REJECT_DUPLICATES, NULL)};
        if (!m.root || !json_is_object(m.root) || !classify(&m)) {
                json_decref(m.root);
                return -1;
        }
        *ret = m;
        return (gssize)length + 1;
}

void tb_qemu_qmp_message_clear(TbQemuQmpMessage *message)
{
        json_decref(message->root);
        *message = (TbQemuQmpMessage){0};
}

char *tb_qemu_qmp_command(gint64 id, const char *name, json_t *arguments)
{
        json_auto_t *o = json_pack("{s:s, s:I}", "execute", name, "id", (json_int_t)id);
        if (arguments)
                json_object_set(o, "arguments", arguments);
        g_autofree char *text = tb_json_text(o, NULL);
        return g_strconcat(text, "\n", NULL);
}

bool tb_qemu_qmp_chardev_connected(json_t *value, const char *label)
{
        gsize i;
        json_t *entry;
        json_array_foreach (value, i, entry) {
                const char *name = json_string_value(json_object_get(entry, "label"));
                const char *file = json_string_value(json_object_get(entry, "filename"));
                if (name && file && strcmp(name, label) == 0)
                        return !g_str_has_prefix(file, "disconnected:");
        }
        return false;
}
