#pragma once
/*
 * What stands in a Modbus device's registers. Pure: any thread. Source: MODBUS Application Protocol Specification V1.1b3. Addresses are
 * those of the protocol, counted from 0: what a manual calls 40001 is holding register 0.
 */
#include "drivers/transport/declared.h"

#define TB_MODBUS_READ_MOST 125 /* registers, and we ask for no more bits than that either */

/* Function codes that read. */
typedef enum TbModbusTable {
        TB_MODBUS_COILS = 1,
        TB_MODBUS_DISCRETE = 2,
        TB_MODBUS_HOLDING = 3,
        TB_MODBUS_INPUT = 4,
} TbModbusTable;

typedef struct TbModbusRow {
        TbDeclared declared;
        int slave;
        TbModbusTable table;
        guint16 address, count; /* registers, or bits */
        char type[4];           /* "u16" … */
        char order[5];          /* "abcd": the most significant byte first */
        int bit;                /* of a register; -1: the whole */
} TbModbusRow;

/* Rows that one request reads: a run without a hole. */
typedef struct TbModbusBlock {
        int slave;
        TbModbusTable table;
        guint16 address, count;
        guint first, n; /* rows */
} TbModbusBlock;

/* Entries: "register", "table" (holding, input, coils, discrete), "type" (u16 i16 u32 i32 f32 u64 i64 f64), "order" (abcd, badc, cdab,
 * dcba), "bit", "slave". TB_ERROR_INVALID with the field. */
bool tb_modbus_check(const json_t *streams, GError **error);
/* Of a list that was checked, sorted; `slave`: whose they are that do not say. Both are the caller's to free with g_array_unref. */
void tb_modbus_plan(const json_t *streams, int slave, GArray **ret_rows, GArray **ret_blocks);
/* PDU of an answer to function `code` that asked for `count`: NULL: it is that; else why not, static. `*ret_data`: behind the byte count. */
const char *tb_modbus_reply(const guint8 *pdu, gsize size, int code, guint count, const guint8 **ret_data);
/* Why an answer to `code` is none: what its exception means. Static. */
const char *tb_modbus_refusal(const guint8 *pdu, gsize size, int code);
/* A row's number out of its block's data; NAN: none. */
double tb_modbus_value(const TbModbusRow *row, const TbModbusBlock *block, const guint8 *data);
