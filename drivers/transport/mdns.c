#include "drivers/transport/mdns.h"

#include <string.h>

#define HEADER 12
#define LABEL 63
#define WIRE_NAME 255
#define FLAG_ANSWER 0x8000
#define OPCODE_AND_CODE 0x780f /* neither may say anything else than "a plain answer, without an error" */
#define CLASS_IN 1
#define CLASS_MASK 0x7fff /* the first bit says "this is all", which is nothing to us: times decide */

typedef struct Reader {
        const guint8 *data;
        gsize size, at;
} Reader;

static bool take_u16(Reader *r, guint *ret)
{
        if (r->size - r->at < 2)
                return false;
        *ret = (guint)(r->data[r->at] << 8 | r->data[r->at + 1]);
        r->at += 2;
        return true;
}

static bool take_u32(Reader *r, guint32 *ret)
{
        guint high, low;

        if (!take_u16(r, &high) || !take_u16(r, &low))
                return false;
        *ret = (guint32)high << 16 | low;
        return true;
}

/* One label as text. False: no place for it. *ret_text: whether it is one that may be shown. */
static bool add_label(const guint8 *label, guint size, GString *out, bool *text)
{
        if (out->len)
                g_string_append_c(out, '.');
        for (guint i = 0; i < size; i++) {
                if (label[i] < 0x20 || label[i] == 0x7f)
                        *text = false;
                if (label[i] == '.' || label[i] == '\\')
                        g_string_append_c(out, '\\');
                g_string_append_c(out, label[i] ? (char)label[i] : '?');
        }
        return out->len < TB_MDNS_NAME;
}

/* A name, wherever its parts lie. Pointers lead backwards only, so it ends. `ret_name` NULL: only past it. */
static bool take_name(Reader *r, char ret_name[TB_MDNS_NAME], bool *ret_text)
{
        g_autoptr(GString) out = g_string_sized_new(64);
        gsize at = r->at, before = at, wire = 0;
        bool jumped = false, text = true;

        for (;;) {
                if (at >= r->size)
                        return false;
                guint size = r->data[at];
                if (size >= 0xc0) {
                        if (r->size - at < 2)
                                return false;
                        gsize to = (gsize)(size & 0x3f) << 8 | r->data[at + 1];
                        if (to < HEADER || to >= before)
                                return false;
                        if (!jumped)
                                r->at = at + 2;
                        jumped = true;
                        at = before = to;
                        continue;
                }
                if (size > LABEL || r->size - at < 1 + size || (wire += 1 + size) > WIRE_NAME)
                        return false;
                if (size == 0)
                        break;
                if (!add_label(r->data + at + 1, size, out, &text))
                        return false;
                at += 1 + size;
        }
        if (!jumped)
                r->at = at + 1;
        if (ret_name)
                g_strlcpy(ret_name, out->str, TB_MDNS_NAME);
        if (ret_text)
                *ret_text = text && g_utf8_validate(out->str, (gssize)out->len, NULL);
        return true;
}

/* The data of a record, which ends at `end`. */
static bool take_data(Reader *r, gsize end, TbMdnsRecord *record, bool *text)
{
        guint skipped;

        switch (record->type) {
        case TB_MDNS_A:
                if (end - r->at != sizeof record->address)
                        return false;
                memcpy(record->address, r->data + r->at, sizeof record->address);
                r->at = end;
                return true;
        case TB_MDNS_SRV: /* priority, weight, port */
                return take_u16(r, &skipped) && take_u16(r, &skipped) && take_u16(r, &skipped) &&
                       (record->port = (guint16)skipped, take_name(r, record->target, text)) && r->at == end;
        case TB_MDNS_PTR: return take_name(r, record->target, text) && r->at == end;
        case TB_MDNS_TXT:
                record->txt = r->data + r->at;
                record->txt_size = end - r->at;
                r->at = end;
                return true;
        case TB_MDNS_ANY: break;
        }
        r->at = end;
        return true;
}

static bool is_ours(guint type)
{
        return type == TB_MDNS_A || type == TB_MDNS_PTR || type == TB_MDNS_TXT || type == TB_MDNS_SRV;
}

static bool take_record(Reader *r, TbMdnsTell tell, gpointer user)
{
        TbMdnsRecord record = {0};
        guint type, class, size;
        bool name_text, target_text = true;

        if (!take_name(r, record.name, &name_text) || !take_u16(r, &type) || !take_u16(r, &class) ||
            !take_u32(r, &record.ttl_s) || !take_u16(r, &size) || r->size - r->at < size)
                return false;
        gsize end = r->at + size;
        record.type = is_ours(type) ? (TbMdnsType)type : TB_MDNS_ANY;
        if (!take_data(r, end, &record, &target_text))
                return false;
        if (tell && record.type != TB_MDNS_ANY && (class & CLASS_MASK) == CLASS_IN && name_text &&
            target_text)
                tell(&record, user);
        return true;
}

static gssize pass(const guint8 *data, gsize size, TbMdnsTell tell, gpointer user)
{
        Reader r = {data, size, 0};
        guint id, flags, questions, counts[3], class;

        if (!take_u16(&r, &id) || !take_u16(&r, &flags) || !take_u16(&r, &questions))
                return -1;
        for (guint i = 0; i < G_N_ELEMENTS(counts); i++)
                if (!take_u16(&r, &counts[i]))
                        return -1;
        if (!(flags & FLAG_ANSWER) || (flags & OPCODE_AND_CODE))
                return 0;
        for (guint i = 0; i < questions; i++)
                if (!take_name(&r, NULL, NULL) || !take_u16(&r, &id) || !take_u16(&r, &class))
                        return -1;
        for (guint i = 0; i < counts[0] + counts[1] + counts[2]; i++)
                if (!take_record(&r, tell, user))
                        return -1;
        return (gssize)r.at;
}

gssize tb_mdns_parse(const guint8 *data, gsize size, TbMdnsTell tell, gpointer user)
{
        gssize n = size <= TB_MDNS_MESSAGE ? pass(data, size, NULL, NULL) : -1;

        return n > 0 ? pass(data, size, tell, user) : n;
}

/* --- questions --- */
GByteArray *tb_mdns_question_new(void)
{
        static const guint8 header[HEADER] = {0};
        GByteArray *message = g_byte_array_new();

        g_byte_array_append(message, header, sizeof header);
        return message;
}

/* The next label of a name as text, unescaped. NULL: it ended. */
static const char *next_label(const char *at, GByteArray *label)
{
        g_byte_array_set_size(label, 0);
        if (!*at)
                return NULL;
        for (; *at && *at != '.'; at++) {
                if (*at == '\\' && at[1])
                        at++;
                g_byte_array_append(label, (const guint8 *)at, 1);
        }
        return *at == '.' ? at + 1 : at;
}

bool tb_mdns_question_add(GByteArray *message, const char *name, TbMdnsType type, gsize most)
{
        g_autoptr(GByteArray) wire = g_byte_array_new(), label = g_byte_array_new();

        for (const char *at = name; (at = next_label(at, label)) != NULL;) {
                guint8 size = (guint8)label->len;
                if (label->len == 0 || label->len > LABEL)
                        return false;
                g_byte_array_append(wire, &size, 1);
                g_byte_array_append(wire, label->data, label->len);
        }
        const guint8 tail[5] = {0, (guint8)(type >> 8), (guint8)type, 0, CLASS_IN};
        g_byte_array_append(wire, tail, sizeof tail);
        if (wire->len - 4 > WIRE_NAME || wire->len <= sizeof tail || message->len + wire->len > most)
                return false;
        g_byte_array_append(message, wire->data, wire->len);
        guint n = (guint)(message->data[4] << 8 | message->data[5]) + 1;
        message->data[4] = (guint8)(n >> 8);
        message->data[5] = (guint8)n;
        return true;
}

/* --- texts --- */
json_t *tb_mdns_txt(const guint8 *txt, gsize size)
{
        json_t *object = json_object();

        for (gsize at = 0; at < size && txt[at] < size - at; at += 1 + txt[at]) {
                g_autofree char *pair = g_strndup((const char *)txt + at + 1, txt[at]);
                char *value = strchr(pair, '=');
                if (value)
                        *value++ = '\0';
                if (!*pair || strlen(pair) + (value ? strlen(value) + 1 : 0) != txt[at] ||
                    !g_utf8_validate(pair, -1, NULL) || (value && !g_utf8_validate(value, -1, NULL)))
                        continue;
                g_autofree char *key = g_ascii_strdown(pair, -1);
                if (!json_object_get(object, key))
                        json_object_set_new(object, key, json_string(value ? value : ""));
        }
        return object;
}

char *tb_mdns_first_label(const char *name)
{
        g_autoptr(GByteArray) label = g_byte_array_new();

        next_label(name, label);
        return g_strndup((const char *)label->data, label->len);
}
