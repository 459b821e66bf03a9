#pragma once
/*
 * Streams that an attachment declares: what a device's raw numbers are called, and in which unit. A parameter "streams", a list of
 *
 *      {"stream": "rail.3v3", …, "quantity": "voltage", "unit": "V", "scale": 0.001, "offset": 0}
 *
 * and what else a driver needs to find the number ("topic", "register", "query", …). The value that is told is number × scale +
 * offset. Pure: any thread.
 */
#include "drivers/driver.h"

typedef struct TbDeclared {
        const char *stream, *quantity,
                *unit; /* borrowed from the list; quantity by its unit where it is not said */
        double scale, offset;
        const json_t *more; /* the entry itself; borrowed */
} TbDeclared;

/* What a driver's entries have besides. `choices`: NULL: any value of that type. */
typedef struct TbDeclaredField {
        const char *name; /* NULL ends a table */
        json_type
                type; /* JSON_STRING, JSON_INTEGER, JSON_REAL (any number), JSON_TRUE (either), JSON_OBJECT */
        bool required;
        double min, max; /* of numbers, or of a text's bytes; both 0: not bounded */
        const char *const *choices;
} TbDeclaredField;

/* The row of the parameter; `example`: what stands in an entry. */
#define TB_DECLARED_PARAM(example)                                                                           \
        {                                                                                                    \
                .name = "streams", .type = TB_PARAM_ARRAY, .min = 1, .max = TB_LIMIT_STREAMS,                \
                .help = "what is told: a list of " example                                                   \
        }

/* For TbDriver.check. TB_ERROR_INVALID with the field "streams" and which entry. NULL `list`: fine. */
bool tb_declared_check(const json_t *list, const TbDeclaredField *fields, GError **error);
/* Of a list that was checked; as long as it. The caller frees with g_free. */
TbDeclared *tb_declared_of(const json_t *list, guint *ret_n);
const char *tb_declared_text(const TbDeclared *row, const char *key); /* borrowed; NULL: none */
double tb_declared_number(const TbDeclared *row, const char *key, double otherwise);
/* Tells it with scale and offset; `t_ms` 0: now. Values that are not finite are not told. Worker. */
void tb_declared_tell(TbInstance *self, const TbDeclared *row, double value, gint64 t_ms);

/* "voltage" of "V"; "value" of what is not known. Static. */
const char *tb_declared_quantity(const char *unit);
/* A time as devices say it: seconds, milliseconds or microseconds since the epoch (also as a text), ISO 8601. 0: none. */
gint64 tb_declared_time(const json_t *value);
