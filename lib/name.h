#pragma once
/*
 * The one rule of names: devices, interfaces, hosts and sensor streams. lib/proto/messages.json says the same to the pages and
 * to docs/CONTROL.md; tests/integration/messages.test.mjs holds both against each other. Pure: any thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef enum TbNameRule {
        TB_NAME_ID,     /* device, interface: [a-z0-9][a-z0-9._-]* */
        TB_NAME_HOST,   /* host: the same with upper case: [A-Za-z0-9][A-Za-z0-9._-]* */
        TB_NAME_STREAM, /* sensor stream: [A-Za-z0-9._-]+ */
        TB_NAME_TYPE,   /* event of the bus: [a-z][a-z0-9_-]* with dots between such words: "power.state" */
} TbNameRule;

/* 1 to TB_LIMIT_ID bytes that keep the rule. `text` NULL: false. */
bool tb_name_valid(TbNameRule rule, const char *text);
/* The same of `size` bytes, which need no NUL. */
bool tb_name_valid_n(TbNameRule rule, const char *text, gsize size);
/* For messages: "1 to 64 lower case letters, digits, '.', '_', '-', a letter or digit first"; static. */
const char *tb_name_rule(TbNameRule rule);
