#include "drivers/modbus/modbus_proto.h"

#include <stdlib.h>
#include <string.h>

#include "lib/limits.h"

static const char *const tables[] = {"coils", "discrete", "holding", "input", NULL};
static const char *const types[] = {"u16", "i16", "u32", "i32", "f32", "u64", "i64", "f64", NULL};
static const char *const orders[] = {"abcd", "badc", "cdab", "dcba", NULL};

static guint16 words_of(const char *type)
{
        return type[1] == '1' ? 1 : type[1] == '3' ? 2 : 4;
}

static const char *text_or(const json_t *entry, const char *key, const char *otherwise)
{
        const char *text = json_string_value(json_object_get(entry, key));
        return text ? text : otherwise;
}

bool tb_modbus_check(const json_t *streams, GError **error)
{
        static const TbDeclaredField fields[] = {
                {.name = "register", .type = JSON_INTEGER, .required = true, .min = 0, .max = 65535},
                {.name = "table", .type = JSON_STRING, .choices = tables},
                {.name = "type", .type = JSON_STRING, .choices = types},
                {.name = "order", .type = JSON_STRING, .choices = orders},
                {.name = "bit", .type = JSON_INTEGER, .min = 0, .max = 15},
                {.name = "slave", .type = JSON_INTEGER, .min = 0, .max = 255},
                {.name = NULL},
        };
        gsize i;
        json_t *entry;
        if (!tb_declared_check(streams, fields, error))
                return false;
        json_array_foreach (streams, i, entry)
                if (json_integer_value(json_object_get(entry, "register")) +
                            words_of(text_or(entry, "type", "u16")) >
                    65536) {
                        tb_error_set_field(error, TB_ERROR_INVALID, "streams",
                                           "streams[%zu]: it ends behind register 65535", i);
                        return false;
                }
        return true;
}

static int by_address(gconstpointer a, gconstpointer b)
{
        const TbModbusRow *x = a, *y = b;
        if (x->slave != y->slave)
                return x->slave - y->slave;
        return x->table != y->table ? (int)x->table - (int)y->table : x->address - y->address;
}

static TbModbusRow row_of(const TbDeclared *declared, int slave)
{
        const json_t *entry = declared->more, *bit = json_object_get(entry, "bit"),
                     *of = json_object_get(entry, "slave");
        TbModbusRow row = {.declared = *declared, .table = TB_MODBUS_HOLDING};
        for (guint i = 0; tables[i]; i++)
                if (strcmp(text_or(entry, "table", "holding"), tables[i]) == 0)
                        row.table = (TbModbusTable)(i + 1);
        row.slave = of ? (int)json_integer_value(of) : slave;
        row.address = (guint16)json_integer_value(json_object_get(entry, "register"));
        row.bit = bit ? (int)json_integer_value(bit) : -1;
        g_strlcpy(row.type, text_or(entry, "type", "u16"), sizeof row.type);
        g_strlcpy(row.order, text_or(entry, "order", "abcd"), sizeof row.order);
        row.count = row.table <= TB_MODBUS_DISCRETE ? 1 : words_of(row.type);
        return row;
}

void tb_modbus_plan(const json_t *streams, int slave, GArray **ret_rows, GArray **ret_blocks)
{
        guint n = 0;
        g_autofree TbDeclared *declared = tb_declared_of(streams, &n);
        GArray *rows = g_array_new(FALSE, FALSE, sizeof(TbModbusRow)),
               *blocks = g_array_new(FALSE, FALSE, sizeof(TbModbusBlock));
        for (guint i = 0; i < n; i++) {
                TbModbusRow row = row_of(&declared[i], slave);
                g_array_append_val(rows, row);
        }
        g_array_sort(rows, by_address);
        for (guint i = 0; i < n; i++) {
                const TbModbusRow *row = &g_array_index(rows, TbModbusRow, i);
                TbModbusBlock *last =
                        blocks->len ? &g_array_index(blocks, TbModbusBlock, blocks->len - 1) : NULL;
                guint end = last ? (guint)last->address + last->count : 0;
                guint upto = MAX(end, (guint)row->address + row->count);
                /* a hole may be an address that the device refuses */
                if (last && last->slave == row->slave && last->table == row->table && row->address <= end &&
                    upto - last->address <= TB_MODBUS_READ_MOST) {
                        last->count = (guint16)(upto - last->address);
                        last->n++;
                        continue;
                }
                const TbModbusBlock fresh = {row->slave, row->table, row->address, row->count, i, 1};
                g_array_append_val(blocks, fresh);
        }
        *ret_rows = rows;
        *ret_blocks = blocks;
}

static const char *exception(int code)
{
        static const char *const words[] = {
                [1] = "it does not know this function",
                [2] = "it has no such address (counted from 0: a manual's 40001 is holding register 0)",
                [3] = "it refuses the value",
                [4] = "it failed",
                [5] = "it needs longer",
                [6] = "it is busy",
                [8] = "its memory is damaged",
                [10] = "the gateway has no way there",
                [11] = "the gateway gets no answer: is the slave's number right, has it power?",
        };
        const char *said = code > 0 && code < (int)G_N_ELEMENTS(words) ? words[code] : NULL;
        return said ? said : "it refuses, and does not say why";
}

const char *tb_modbus_refusal(const guint8 *pdu, gsize size, int code)
{
        return size >= 2 && pdu[0] == (code | 0x80) ? exception(pdu[1])
                                                    : "its answer is another than what was asked for";
}

const char *tb_modbus_reply(const guint8 *pdu, gsize size, int code, guint count, const guint8 **ret_data)
{
        bool bits = code <= 2;
        gsize bytes = bits ? (count + 7) / 8 : (gsize)count * 2;
        if (size < 2 || pdu[0] != code || pdu[1] != bytes || size < 2 + bytes)
                return tb_modbus_refusal(pdu, size, code);
        *ret_data = pdu + 2;
        return NULL;
}

double tb_modbus_value(const TbModbusRow *row, const TbModbusBlock *block, const guint8 *data)
{
        guint at = (guint)(row->address - block->address);
        if (row->table <= TB_MODBUS_DISCRETE)
                return data[at / 8] >> (at % 8) & 1;
        guint8 bytes[8];
        guint n = (guint)row->count * 2;
        memcpy(bytes, data + (gsize)at * 2, n);
        /* abcd: as it comes; badc: bytes of each word swapped; cdab: words backwards; dcba: both */
        if (row->order[0] == 'c' || row->order[0] == 'd')
                for (guint i = 0; i < n / 4; i++)
                        for (guint k = 0; k < 2; k++) {
                                guint8 was = bytes[i * 2 + k];
                                bytes[i * 2 + k] = bytes[n - 2 - i * 2 + k];
                                bytes[n - 2 - i * 2 + k] = was;
                        }
        guint64 raw = 0;
        bool swapped = row->order[0] == 'b' || row->order[0] == 'd';
        for (guint i = 0; i < n; i++)
                raw = raw << 8 | bytes[swapped ? i ^ 1 : i];
        if (row->bit >= 0)
                return raw >> row->bit & 1;
        if (row->type[0] == 'u')
                return (double)raw;
        if (row->type[0] == 'i')
                return n == 2 ? (gint16)raw : n == 4 ? (gint32)raw : (double)(gint64)raw;
        if (n == 4) {
                guint32 half = (guint32)raw;
                float value;
                memcpy(&value, &half, sizeof value);
                return (double)value;
        }
        double value;
        memcpy(&value, &raw, sizeof value);
        return value;
}
