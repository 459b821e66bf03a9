#pragma once
/*
 * YAML read into the same jansson tree that REST validates, with the line of every node, so that each problem
 * of a config file can be reported as file:line. Aliases, tags, merge keys, repeated keys and several
 * documents are refused; an empty file is {}. Plain scalars follow YAML 1.2's core schema (true/false, null,
 * integers, floats).
 */
#include <glib.h>
#include <jansson.h>

typedef struct TbYaml TbYaml; /* the tree and its lines */

TbYaml *tb_yaml_parse(const char *name, const char *text, gsize size,
                      GError **error); /* error text starts "name:line: " */
TbYaml *tb_yaml_load(const char *path, GError **error);
json_t *tb_yaml_root(TbYaml *yaml); /* borrowed */
int tb_yaml_line(TbYaml *yaml,
                 const json_t *node); /* 0: unknown (true, false and null are shared values: use the next) */
int tb_yaml_field_line(TbYaml *yaml, const json_t *object,
                       const char *key); /* where the key stands; 0: unknown */
const char *tb_yaml_name(TbYaml *yaml);
void tb_yaml_free(TbYaml *yaml);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbYaml, tb_yaml_free)
