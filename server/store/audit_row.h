#pragma once
/*
 * An entry of the audit log, and its place in the chain. Pure: any thread.
 *
 * `hash` is SHA-256 (hexadecimal) over these lines, each ended by \n:
 *
 *   testbed-audit-1, prev, id, at (ms since the epoch), and a digest of each of user, action, object, outcome, address, request
 *
 * `prev` is the hash of the entry before it; of the first one ever TB_AUDIT_GENESIS. The digest of a field is SHA-256 over
 * "SALT:value", where SALT is the first 32 digits of SHA-256 over "name:salts", `salts` being 32 random digits of the entry.
 *
 * So what is said of a person can be taken out and the chain stays: `salts` is six items then, separated by commas, each the SALT of a
 * field that is still there or "=DIGEST" of one that is not. Without its salt nobody can try which value a digest was of.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_AUDIT_FIELDS 6
#define TB_AUDIT_GENESIS "0000000000000000000000000000000000000000000000000000000000000000"
#define TB_AUDIT_ERASED "erased-" /* how what stands for somebody who was erased begins */

extern const char *const tb_audit_fields[TB_AUDIT_FIELDS]; /* their names, in their order */

typedef enum TbAuditField {
        TB_AUDIT_USER,
        TB_AUDIT_ACTION,
        TB_AUDIT_OBJECT,
        TB_AUDIT_OUTCOME,
        TB_AUDIT_ADDRESS,
        TB_AUDIT_REQUEST,
} TbAuditField;

typedef struct TbAuditRow {
        gint64 id, at_ms;
        char *fields[TB_AUDIT_FIELDS]; /* owned */
        char *salts, *prev, *hash;     /* owned; NULL: not chained yet */
} TbAuditRow;

void tb_audit_row_free(gpointer row);
/* Salts where it has none, and its hash behind `prev`. */
void tb_audit_row_chain(TbAuditRow *row, const char *prev);
/* What its hash must be; NULL: its salts are none. The caller frees. */
char *tb_audit_row_hash(const TbAuditRow *row);
/* Whether this field was taken out. */
bool tb_audit_row_is_sealed(const TbAuditRow *row, TbAuditField field);
/* Takes it out: `instead` stands there from then on, and the hash stays right. False: its salts are none. */
bool tb_audit_row_seal(TbAuditRow *row, TbAuditField field, const char *instead);
