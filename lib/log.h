#pragma once
/*
 * Logs: one line each on stderr, RFC 3339 time, level, fields, message; or one JSON object a line with
 * --log-json. Fields are key, value pairs ended by NULL; a NULL value leaves its field out. Text from outside
 * is escaped here, and only here. Levels mean: error = a user must act; warning = something failed and was
 * survived; info = a state changed; debug = for developers. Thread: any. No secret may be passed in.
 */
#include <glib.h>
#include <stdbool.h>

typedef enum TbLogLevel { TB_LOG_ERROR, TB_LOG_WARNING, TB_LOG_INFO, TB_LOG_DEBUG } TbLogLevel;

/* Also routes GLib's own messages (and those of the libraries on it) through here. */
void tb_log_init(TbLogLevel level, bool json);
void tb_log_set_level(TbLogLevel level); /* main thread */
/* For a child that logs to its parent's stderr: each line bears the field `process`, and of more than TB_LIMIT_MEDIA_LOG lines in
 * TB_LIMIT_LOG_WINDOW_MS the rest is counted and told in one. After tb_log_init(). `process` is static. */
void tb_log_as_child(const char *process);
bool tb_log_enabled(TbLogLevel level); /* for callers that would otherwise build a costly message */
bool tb_log_level_parse(const char *text, TbLogLevel *ret_level);

/* tb_log(TB_LOG_INFO, TB_F("device", id, "request", rid), "power is %s", state); TB_F() alone for no fields
 */
void tb_log(TbLogLevel level, const char *const *fields, const char *format, ...) G_GNUC_PRINTF(3, 4);
#ifdef __cppcheck__ /* does not know __VA_OPT__ */
#define TB_F(...) NULL
#else
#define TB_F(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#endif
