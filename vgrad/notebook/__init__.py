"""What `import vgrad` offers to notebooks and scripts: training, comparing and drawing, as the commands do it."""
