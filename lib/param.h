#pragma once
/*
 * Typed parameters. One table describes what a route, a command, an attach URI or a config section takes;
 * validation, defaults, help text, OpenAPI schemas and /host/drivers all come from it. Pure: no I/O, any
 * thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef enum TbParamType {
        TB_PARAM_STRING, /* min..max: length in bytes */
        TB_PARAM_INT,    /* min..max: value */
        TB_PARAM_NUMBER, /* min..max: value */
        TB_PARAM_BOOL,
        TB_PARAM_ENUM,   /* one of choices */
        TB_PARAM_OBJECT, /* any JSON object */
        TB_PARAM_ARRAY,  /* min..max: length */
        TB_PARAM_ANY,    /* any JSON value */
        TB_PARAM_SECRET, /* a string that is never shown again */
} TbParamType;

typedef struct TbParam {
        const char *name; /* NULL ends a table */
        TbParamType type;
        bool required;
        double min, max;            /* both 0: not bounded (strings: TB_LIMIT_URI) */
        const char *const *choices; /* TB_PARAM_ENUM: NULL-terminated; static */
        const char *fallback; /* default, as JSON text ("115200", "\"none\"", "true"); NULL: absent when not
                                 given */
        const char *unit;     /* "ms", "W", …; NULL: none */
        const char *help;     /* one sentence */
        bool shown; /* TB_PARAM_STRING: people's own words, which others read: kept as tb_text_line() has it */
} TbParam;
extern const TbParam tb_no_params[]; /* a table without rows: no field is allowed */

#define TB_PARAM_END                                                                                         \
        {                                                                                                    \
                .name = NULL                                                                                 \
        }
#define TB_CHOICES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A new object with every default filled in, or NULL with TB_ERROR_INVALID that blames the field. Unknown
 * fields are refused with the list of known ones. `in` may be NULL (= {}). NULL `params` allows no field. */
json_t *tb_params_validate(const TbParam *params, json_t *in, GError **error);
/* Takes out of an object what the table does not name and what is null: what a program of another product writes. Nothing
 * when it is no object. */
void tb_params_keep_known(const TbParam *params, json_t *object);
/* The same for text values (a URL's query): each value is converted to its parameter's type first. `in`:
 * object of strings. */
json_t *tb_params_validate_text(const TbParam *params, json_t *in, GError **error);
/* JSON Schema (draft 2020-12) of the table as an object. */
json_t *tb_params_schema(const TbParam *params);
/* [{name,type,required,default,min,max,choices,unit,help}] for people and user interfaces. */
json_t *tb_params_describe(const TbParam *params);
