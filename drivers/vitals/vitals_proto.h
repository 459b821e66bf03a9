#pragma once
/*
 * What the kernel tells about the machine. Pure: text in, numbers out. Source: proc(5).
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbVitalsCpu {
        guint64 busy, total; /* ticks since boot */
} TbVitalsCpu;

typedef struct TbVitalsNet {
        guint64 received, sent; /* bytes since boot, all interfaces but lo */
} TbVitalsNet;

typedef struct TbVitalsMemory {
        double total, available; /* bytes */
} TbVitalsMemory;

/* All: false when the text is not what proc(5) says. */
bool tb_vitals_parse_load(const char *text, double load[3]);
bool tb_vitals_parse_memory(const char *text, TbVitalsMemory *ret);
bool tb_vitals_parse_cpu(const char *text, TbVitalsCpu *ret);
bool tb_vitals_parse_net(const char *text, TbVitalsNet *ret);
bool tb_vitals_parse_uptime(const char *text, double *ret);
