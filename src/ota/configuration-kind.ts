// What a configuration is called wherever it is told from a release of the OS.

/** A payload's type in Mender's format, an image's slot in a bundle, an item's name in a .swu file. */
export const configurationType = 'mender-configure'
/** The file system that it is said to be of. */
export const configurationFilesystem = 'data-partition'
/** What a device provides that has a configuration; its value is the fingerprint. */
export const configurationProvide = `${configurationFilesystem}.${configurationType}.version`
/** The attribute in which an image reports what is applied; one without it reports only what was installed. */
export const configurationFact = 'configuration'
