#include <string.h>

#include "lib/error.h"
#include "lib/server_limits.h"
#include "server/store/private.h"

/* --- values --- */
void tb_db_value_clear(TbDbValue *value)
{
        g_free(value->bytes);
}

static void clear_statement(gpointer p)
{
        TbDbStatement *statement = p;
        for (guint i = 0; i < statement->n_params; i++)
                tb_db_value_clear(&statement->params[i]);
}

static void clear_value(gpointer p)
{
        tb_db_value_clear(p);
}

/* --- calls --- */
TbDbCall *tb_db_call_new(void)
{
        TbDbCall *call = g_new0(TbDbCall, 1);
        call->statements = g_array_new(FALSE, TRUE, sizeof(TbDbStatement));
        g_array_set_clear_func(call->statements, clear_statement);
        return call;
}

TbDbCall *tb_db_call_reads(void)
{
        TbDbCall *call = tb_db_call_new();
        call->reads = true;
        return call;
}

void tb_db_call_free(TbDbCall *call)
{
        if (!call)
                return;
        if (call->program_free)
                call->program_free(call->program_data);
        g_array_unref(call->statements);
        tb_db_result_free(call->result);
        g_clear_error(&call->error);
        g_free(call);
}

void tb_db_call_program(TbDbCall *call, TbDbProgram program, gpointer data, GDestroyNotify free)
{
        call->program = program;
        call->program_data = data;
        call->program_free = free;
}

void tb_db_statement(TbDbCall *call, const char *sql)
{
        TbDbStatement statement = {.sql = sql};
        g_array_append_val(call->statements, statement);
        call->bytes += sizeof statement;
}

static void add(TbDbCall *call, TbDbValue value)
{
        TbDbStatement *last = &g_array_index(call->statements, TbDbStatement, call->statements->len - 1);
        g_assert(last->n_params < TB_DB_PARAMS);
        last->params[last->n_params++] = value;
        call->bytes += value.size;
}

void tb_db_int(TbDbCall *call, gint64 value)
{
        add(call, (TbDbValue){.kind = TB_DB_INT, .integer = value});
}

static char *copy(const void *bytes, gsize size)
{
        char *own = g_malloc(size + 1);
        memcpy(own, bytes, size);
        own[size] = '\0';
        return own;
}

void tb_db_text(TbDbCall *call, const char *value)
{
        gsize size = value ? strlen(value) : 0;
        add(call, (TbDbValue){.kind = value ? TB_DB_TEXT : TB_DB_NULL,
                              .bytes = value ? copy(value, size) : NULL,
                              .size = size});
}

void tb_db_bytes(TbDbCall *call, const void *bytes, gsize size)
{
        add(call, (TbDbValue){.kind = TB_DB_BYTES, .bytes = copy(bytes, size), .size = size});
}

/* --- results --- */
TbDbResult *tb_db_result_new(void)
{
        TbDbResult *result = g_new0(TbDbResult, 1);
        result->values = g_array_new(FALSE, TRUE, sizeof(TbDbValue));
        g_array_set_clear_func(result->values, clear_value);
        return result;
}

void tb_db_result_add(TbDbResult *result, TbDbValue value)
{
        result->bytes += sizeof value + value.size;
        g_array_append_val(result->values, value);
}

bool tb_db_result_is_short(const TbDbResult *result, GError **error)
{
        if (result->bytes <= tb_server_limits.db_result)
                return true;
        tb_set_error(error, TB_ERROR_TOO_LARGE, "the result is longer than %d bytes; ask for less at once",
                     tb_server_limits.db_result);
        return false;
}

void tb_db_result_free(TbDbResult *result)
{
        if (!result)
                return;
        g_array_unref(result->values);
        g_free(result);
}

guint tb_db_rows(const TbDbResult *result)
{
        return result ? result->rows : 0;
}

static const TbDbValue *at(const TbDbResult *result, guint row, guint column)
{
        g_assert(row < result->rows && column < result->columns);
        return &g_array_index(result->values, TbDbValue, row * result->columns + column);
}

gint64 tb_db_get_int(const TbDbResult *result, guint row, guint column)
{
        return at(result, row, column)->integer;
}

const char *tb_db_get_text(const TbDbResult *result, guint row, guint column)
{
        return at(result, row, column)->bytes;
}

const void *tb_db_get_bytes(const TbDbResult *result, guint row, guint column, gsize *ret_size)
{
        *ret_size = at(result, row, column)->size;
        return at(result, row, column)->bytes;
}
