#pragma once
/*
 * What the kernel tells about the machine. Pure: text in, numbers out. Source: proc(5).
 */
#include <glib.h>
#include <stdbool.h>

typedef struct VitalsCpu {
        guint64 busy, total; /* ticks since boot */
} VitalsCpu;

typedef struct VitalsNet {
        guint64 received, sent; /* bytes since boot, all interfaces but lo */
} VitalsNet;

typedef struct VitalsMemory {
        double total, available; /* bytes */
} VitalsMemory;

/* All: false when the text is not what proc(5) says. */
bool vitals_parse_load(const char *text, double load[3]);
bool vitals_parse_memory(const char *text, VitalsMemory *ret);
bool vitals_parse_cpu(const char *text, VitalsCpu *ret);
bool vitals_parse_net(const char *text, VitalsNet *ret);
bool vitals_parse_uptime(const char *text, double *ret);
/* A label of hwmon or thermal ("Package id 0") as part of a stream's name ("package-id-0"). The caller frees.
 */
char *vitals_stream_part(const char *label);
