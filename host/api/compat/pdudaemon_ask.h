#pragma once
/*
 * What a client of pdudaemon asks for, by HTTP or by its TCP protocol: "HOSTNAME PORT COMMAND [DELAY]", which ends with its line or
 * its packet (listener.py of pdudaemon 1.0). Pure.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/limits.h"

typedef struct TbPduAsk {
        char hostname[TB_LIMIT_ID + 1], port[TB_LIMIT_ID + 1];
        char command[16]; /* on, off, reboot */
        int delay_s;      /* reboot: how long it stays off; else: before it is switched. -1: not said */
} TbPduAsk;

/* INVALID: it is none; the first line of `text` counts. */
bool tb_pdu_ask_parse(const char *text, gsize size, TbPduAsk *ret, GError **error);
/* The verb behind "<interface>.", and its params (new reference); NULL: there is no such command (NOT_FOUND). */
const char *tb_pdu_ask_verb(const char *command, double delay_s, json_t **ret_params, GError **error);
