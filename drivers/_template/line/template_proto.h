#pragma once
/*
 * The wire: what is sent and what comes back. Pure: text in, values out; unit tests and fuzzers link this
 * part alone. Source of the protocol: name it here (a vendor's page, a public implementation with its
 * commit).
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbTemplateState {
        bool on;
        double watts; /* NAN: not told */
} TbTemplateState;

/* The callers free. */
char *tb_template_request_set(int outlet, bool on);
char *tb_template_request_get(int outlet);
/* "on", "off", "on 3.2"; "error <text>" is the device's refusal (TB_ERROR_UNPROCESSABLE), anything else
 * TB_ERROR_DEVICE. */
bool tb_template_parse(const char *line, TbTemplateState *ret, GError **error);
