/**
 * faults.h - what a configuration has wrong, and where in a file that stands
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCTL_FAULTS_H
#define MEDCTL_FAULTS_H

#include "medctl/medctl.h"
#include "medctl/objects.h"

typedef struct fault {
	enum med_kind kind;
	char *id, *text; /**< printable */
	uint64_t gist;   /**< of the text, numbers left out */
	bool refused;    /**< else it is a warning: the object is in force */
	uint32_t line;   /**< in a file; 0: none */
	uint16_t file;
} fault_t;

typedef struct faults {
	fault_t *fault;
	size_t count, room;
	bool failed; /**< memory was short: the list is not whole */
} faults_t;

/** All faults of a configuration that was built; MEDCTL_OK or, told, MEDCTL_FAILED. */
int faults_collect(faults_t *faults, const med_config_t *config);
/** Where they stand in the files of @p set; sorted by that. */
void faults_locate(faults_t *faults, objects_t *set);
/** Was this object's fault in @p before already? Numbers in texts do not matter. */
bool faults_known(const faults_t *before, const fault_t *fault);
void faults_free(faults_t *faults);

/** One line on stderr, with file and line where it has them. */
void fault_show(const fault_t *fault, char **names);

#endif
